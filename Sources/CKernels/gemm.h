// Matrix products over packed panels of two vectors.
#define PANEL (2 * VW)
#define ROWS TILE_ROWS_2

static ptrdiff_t RK(packed_size)(ptrdiff_t rows, ptrdiff_t depth) { return (rows + PANEL - 1) / PANEL * PANEL * INNER(depth); }

// Where `count` numbers of a table that follow one another start, or -1; without a table they are the places themselves.
RK_INLINE ptrdiff_t run_start(const int32_t *table, ptrdiff_t at, ptrdiff_t count) {
  if (!table) return at;
  for (ptrdiff_t i = 1; i < count; i++)
    if (table[at + i] != table[at] + (int32_t)i) return -1;
  return table[at];
}

// `count` neighbours as operands, zeros after.
RK_INLINE vf v_operands(const float *p, const int count) {
#if RK_BF16
  return v_neighbours(v_load_n(p, count), count > VW ? v_load_n(p + VW, count - VW) : v_set(0));
#else
  return v_load_n(p, count);
#endif
}

// Some columns of VW rows (zeros where they are null), from the k-th on, turned: x[i] has the i-th operand of all rows.
RK_INLINE void turned_rows(const float *const row[VW], const int32_t *column_of, ptrdiff_t k, const int count, vf x[VW]) {
  ptrdiff_t run = run_start(column_of, k, count);
  if (run >= 0) UNROLL for (int r = 0; r < VW; r++) x[r] = row[r] ? v_operands(row[r] + run, count) : v_set(0);
  else
    for (int r = 0; r < VW; r++) {
      float some[VW * ELEMENTS];
      for (int i = 0; i < count; i++) some[i] = !row[r] || column_of[k + i] < 0 ? 0 : row[r][column_of[k + i]];
      x[r] = v_operands(some, count);
    }
  v_transpose(x);
}

// Packs VW rows of W side by side: operands of all of them for each k, `stride` apart.
RK_INLINE void pack_rows(const float *const row[VW], const int32_t *column_of, ptrdiff_t depth, ptrdiff_t stride, float *packed) {
  enum { COUNT = VW * ELEMENTS, AHEAD = 64 };
  vf x[VW];
  ptrdiff_t k = 0;
  for (; k + COUNT <= depth; k += COUNT, packed += VW * stride) {
    if (k + AHEAD < depth)
      for (int r = 0; r < VW; r++)
        if (row[r]) __builtin_prefetch(row[r] + k + AHEAD, 0, 3);
    turned_rows(row, column_of, k, COUNT, x);
    UNROLL for (int r = 0; r < VW; r++) v_store(packed + r * stride, x[r]);
  }
  if (k == depth) return;
  turned_rows(row, column_of, k, (int)(depth - k), x);
  for (ptrdiff_t r = 0; r < INNER(depth - k); r++) v_store(packed + r * stride, x[r]);
}

static void RK(pack_transposed)(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t rows,
                                const int32_t *column_of, ptrdiff_t depth, float *packed) {
  for (ptrdiff_t n0 = 0; n0 < rows; n0 += PANEL, packed += PANEL * INNER(depth))
    for (ptrdiff_t half = 0; half < PANEL; half += VW) {
      const float *row[VW];
      for (ptrdiff_t r = 0; r < VW; r++) {
        ptrdiff_t n = n0 + half + r, source = n >= rows ? -1 : row_of ? row_of[n] : n;
        row[r] = source < 0 ? 0 : w + source * ld;
      }
      pack_rows(row, column_of, depth, PANEL, packed + half);
    }
}

#define AT_ONCE 64  // rows that all panels are packed of before the next ones' turn

// A panel's columns of rows from k0 on, one operand of each for each row (or pair of rows): `real` from `first` on, zeros after; or
// those of a table.
RK_INLINE void pack_panel(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t k0, ptrdiff_t depth, ptrdiff_t first,
                          const int real, const int32_t *column_of, float *packed) {
  for (ptrdiff_t k = k0; k < at_most(depth, k0 + AT_ONCE); k += ELEMENTS, packed += PANEL) {
    vf left[ELEMENTS], right[ELEMENTS];
    for (ptrdiff_t e = 0; e < ELEMENTS; e++) {
      ptrdiff_t source = k + e >= depth ? -1 : row_of ? row_of[k + e] : k + e;
      float some[PANEL];
      const float *from = w + source * ld + first;
      if (column_of && source >= 0) {
        for (int j = 0; j < real; j++) some[j] = column_of[j] < 0 ? 0 : from[column_of[j]];
        from = some;
      }
      left[e] = source < 0 ? v_set(0) : v_load_n(from, real);
      right[e] = source < 0 || real <= VW ? v_set(0) : v_load_n(from + VW, real - VW);
      // The same columns of the rows that come after these.
      if (!column_of && source >= 0 && k + e + AT_ONCE < depth)
        UNROLL for (int j = 0; j < PANEL; j += 16) __builtin_prefetch(from + AT_ONCE * ld + j, 0, 3);
    }
#if RK_BF16
    v_store(packed, v_pairs(left[0], left[1]));
    v_store(packed + VW, v_pairs(right[0], right[1]));
#else
    v_store(packed, left[0]);
    v_store(packed + VW, right[0]);
#endif
  }
}

// Panels of the columns of W [depth, columns], `size` floats from one to the next.
RK_INLINE void pack_panels(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t depth, const int32_t *column_of,
                           ptrdiff_t columns, float *packed, ptrdiff_t size) {
  for (ptrdiff_t k0 = 0; k0 < depth; k0 += AT_ONCE)
    for (ptrdiff_t n0 = 0; n0 < columns; n0 += PANEL) {
      float *to = packed + n0 / PANEL * size + INNER(k0) * PANEL;
      int real = (int)at_most(PANEL, columns - n0);
      while (column_of && real > 1 && column_of[n0 + real - 1] < 0) real--;
      ptrdiff_t first = run_start(column_of, n0, real);
      if (first < 0) pack_panel(w, ld, row_of, k0, depth, 0, real, column_of + n0, to);
      else if (real == PANEL) pack_panel(w, ld, row_of, k0, depth, first, PANEL, 0, to);
      else pack_panel(w, ld, row_of, k0, depth, first, real, 0, to);
    }
}

static void RK(pack)(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t depth, const int32_t *column_of,
                     ptrdiff_t columns, float *packed) {
  pack_panels(w, ld, row_of, depth, column_of, columns, packed, PANEL * INNER(depth));
}

RK_INLINE void gemm_tile(const int ROUND, const int MR, const int NV, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs,
                         const float *b, const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate,
                         rk_ahead *ahead) {
  // The rows of C that the next tile starts from.
  if (accumulate && depth >= 64)
    UNROLL for (int r = 0; r < MR; r++)
      UNROLL for (int v = 0; v < NV * VW; v += 16) __builtin_prefetch(c + (MR + r) * ldc + v, 1, 3);
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int v = 0; v < NV; v++) {
    int left = width - v * VW;
    vf start = bias && !accumulate ? v_load_n(bias + v * VW, left) : v_set(0);
    UNROLL for (int r = 0; r < MR; r++) acc[r][v] = accumulate ? v_load_n(c + r * ldc + v * VW, left) : start;
  }
  tile_multiply_by(ROUND, MR, NV, acc, (int)depth, a, rs, cs, b, PANEL, ahead);
  UNROLL for (int v = 0; v < NV; v++)
    UNROLL for (int r = 0; r < MR; r++) v_store_n(c + r * ldc + v * VW, acc[r][v], width - v * VW);
}

// One panel times a run of rows. A full panel has no partial vectors, which the compiler then leaves out; nor has it strides to keep
// where RS or CS is a constant.
#define GEMM_ROWS(NAME, ROUND, NV, WIDTH, RS, CS)                                                                               \
  static void RK(NAME)(ptrdiff_t m, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *b,                \
                       const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate, const float *next,                \
                       ptrdiff_t lines) {                                                                                       \
    (void)width, (void)rs, (void)cs;                                                                                            \
    rk_ahead ahead;                                                                                                             \
    ahead.rows = ahead.weight_lines = 0;                                                                                        \
    ptrdiff_t share = next ? (lines + m - 1) / m : 0;                                                                           \
    for (ptrdiff_t i = 0; i < m;) {                                                                                             \
      int rows = next_tile(m - i, ROWS);                                                                                        \
      const float *ai = a + i * (RS);                                                                                           \
      float *ci = c + i * ldc;                                                                                                  \
      if (share) {                                                                                                              \
        ahead.weights = next + i * share * 16;                                                                                  \
        ahead.weight_lines = (int)at_most(rows * share, lines - i * share);                                                     \
      }                                                                                                                         \
      switch (rows) { EACH_ROWS_2(GEMM_CASE, ROUND, NV, WIDTH, RS, CS) }                                                        \
      i += rows;                                                                                                                \
    }                                                                                                                           \
  }
#define GEMM_CASE(MR, ROUND, NV, WIDTH, RS, CS)                                                                                 \
  case MR:                                                                                                                      \
    gemm_tile(ROUND, MR, NV, depth, ai, RS, CS, b, bias, ci, ldc, WIDTH, accumulate, share ? &ahead : 0);                       \
    break;
GEMM_ROWS(gemm_full, 1, 2, 2 * VW, rs, cs)
GEMM_ROWS(gemm_full_rows, 4, 2, 2 * VW, rs, APART)
GEMM_ROWS(gemm_full_tiles, 4, 2, 2 * VW, APART, ROWS *APART)
GEMM_ROWS(gemm_full_across, 2, 2, 2 * VW, 1, cs)
GEMM_ROWS(gemm_one, 1, 1, VW, rs, cs)
GEMM_ROWS(gemm_part_2, 1, 2, width, rs, cs)
GEMM_ROWS(gemm_part_1, 1, 1, width, rs, cs)

RK_INLINE void gemm_panel(ptrdiff_t m, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *b,
                          const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate, const float *next,
                          ptrdiff_t lines) {
#define GEMM(NAME) RK(NAME)(m, depth, a, rs, cs, b, bias, c, ldc, width, accumulate, next, lines)
  if (width == 2 * VW && cs == APART) GEMM(gemm_full_rows);
  else if (width == 2 * VW && rs == APART && cs == ROWS * APART) GEMM(gemm_full_tiles);
  else if (width == 2 * VW && rs == 1) GEMM(gemm_full_across);
  else if (width == 2 * VW) GEMM(gemm_full);
  else if (width > VW) GEMM(gemm_part_2);
  else if (width == VW) GEMM(gemm_one);
  else GEMM(gemm_part_1);
#undef GEMM
}

#define RUN (256 / APART)    // depth of a run: a panel's run of B stays in first-level cache
#define MOST 448   // the longest run of a gradient, where there is but one
#define NARROW 64  // of few columns
#define SIDE 120  // rows of a block of a gradient
#define BLOCK 240  // the most rows of a block
#define SIDE_TILE (MOST * ROWS * APART + 16)  // floats of a tile of it
#define FEW 65536  // weights up to this many stay near by themselves

// The length of equal parts of at most `most` that `total` is cut into, a multiple of `grain`.
RK_INLINE ptrdiff_t even_part(ptrdiff_t total, ptrdiff_t most, ptrdiff_t grain) {
  ptrdiff_t parts = (total + most - 1) / most;
  return ((total + parts - 1) / parts + grain - 1) / grain * grain;
}

static void RK(multiply)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *packed,
                         const float *bias, float *c, ptrdiff_t ldc, ptrdiff_t accumulate) {
  ptrdiff_t inner = INNER(k);
  if (m <= 0) return;  // a thread's share may be empty
  // A short block at the end would read all of B for a few rows.
  ptrdiff_t block = even_part(m, BLOCK, ROWS);
  for (ptrdiff_t i = 0; i < m; i += block) {
    ptrdiff_t rows = at_most(block, m - i);
    for (ptrdiff_t k0 = 0; k0 < inner; k0 += RUN) {
      ptrdiff_t depth = at_most(RUN, inner - k0);
      const float *from = a + i * rs + k0 * ELEMENTS * cs;
#if RK_BF16
      const ptrdiff_t row = RUN * APART + 16, column = APART;
      float rounded[BLOCK * (RUN * APART + 16)];
      for (ptrdiff_t r = 0; r < rows; r++)
        round_row(from + r * rs, cs, at_most(RUN * ELEMENTS, k - k0 * ELEMENTS), rounded + r * row);
      from = rounded;
#else
      const ptrdiff_t row = rs, column = cs;
#endif
      for (ptrdiff_t j = 0; j < n; j += PANEL) {
        const float *b = packed + j * inner + k0 * PANEL;
        gemm_panel(rows, depth, from, row, column, b, bias ? bias + j : 0, c + i * ldc + j, ldc,
                   (int)at_most(PANEL, n - j), accumulate || k0 > 0, n * inner > FEW && j + PANEL < n ? b + PANEL * inner : 0,
                   depth * PANEL / 16);
      }
    }
  }
}
