// Products of gradients: both sides run along the inner index with a stride.
RK_INLINE ptrdiff_t panels_and_tiles(ptrdiff_t m, ptrdiff_t n) {
  return MOST * ((n + PANEL - 1) / PANEL * PANEL) + SIDE_TILE * ((at_most(SIDE, m) + ROWS - 1) / ROWS);
}
// Runs of at most RUN; a little longer where that saves a short one, and a single longer one: each reads and writes C.
RK_INLINE ptrdiff_t long_run(ptrdiff_t inner) {
  if (inner <= MOST) return inner > 0 ? inner : RUN;
  ptrdiff_t runs = (inner + RUN - 1) / RUN, rest = inner - (runs - 1) * RUN;
  if (rest <= RUN / 4) runs--;
  return (inner + runs - 1) / runs;
}
// Where C has no more columns than a vector, its transpose is computed: that fills the vectors better. A caller may ask for fewer
// columns than it took scratch for.
static ptrdiff_t RK(gradient_scratch)(ptrdiff_t m, ptrdiff_t n) {
  ptrdiff_t wide = panels_and_tiles(m, n), narrow = panels_and_tiles(at_most(n, VW), m) + m * at_most(n, VW);
  return wide > narrow ? wide : narrow;
}

// Iterates along the inner index over rows that lie in groups.
typedef struct {
  const float *row;
  ptrdiff_t left;  // rows of this group from here on
} rk_row_iterator;
RK_INLINE rk_row_iterator rows_from(const rk_groups *g, ptrdiff_t k, const float *base, ptrdiff_t ld) {
  ptrdiff_t group = k / g->size, inside = k - group * g->size;
  return (rk_row_iterator){base + (group * g->stride + inside) * ld, g->size - inside};
}
// Returns the row it stands on and goes on to the next.
RK_INLINE const float *next_row(rk_row_iterator *w, const rk_groups *g, ptrdiff_t ld) {
  const float *row = w->row;
  w->row += ld;
  if (--w->left == 0) {
    w->row += (g->stride - g->size) * ld;
    w->left = g->size;
  }
  return row;
}

// Copies `depth` operands of each column of B into panels, from `rows` rows on from row k0.
RK_INLINE void copy_panels(ptrdiff_t n, ptrdiff_t depth, ptrdiff_t rows, const rk_groups *g, ptrdiff_t k0, const float *b,
                           ptrdiff_t ldb, float *panels) {
  (void)rows;
  for (ptrdiff_t j = 0; j < n; j += PANEL) {
    int left = (int)at_most(PANEL, n - j);
    rk_row_iterator w = rows_from(g, k0, b + j, ldb);
    for (ptrdiff_t p = 0; p < depth; p++, panels += PANEL) {
      const float *row = next_row(&w, g, ldb);
      vf first = v_load_n(row, left), second = left > VW ? v_load_n(row + VW, left - VW) : v_set(0);
#if RK_BF16
      const float *other = 2 * p + 1 < rows ? next_row(&w, g, ldb) : 0;
      first = v_pairs(first, other ? v_load_n(other, left) : v_set(0));
      if (left > VW) second = v_pairs(second, other ? v_load_n(other + VW, left - VW) : v_set(0));
#endif
      v_store(panels, first);
      v_store(panels + VW, second);
    }
  }
}

// Copies `depth` operands of each of `columns` columns of A, from `rows` rows on from row k0, into tiles of ROWS columns: each a
// run of ROWS operands for each k. Tiles lie a line more than a power of two apart, or they would share cache sets.
RK_INLINE void copy_tiles(ptrdiff_t columns, ptrdiff_t depth, ptrdiff_t rows, const rk_groups *g, ptrdiff_t k0, const float *a,
                          ptrdiff_t lda, float *tiles) {
  (void)rows;
  ptrdiff_t whole = columns / ROWS;
  rk_row_iterator w = rows_from(g, k0, a, lda);
  for (ptrdiff_t p = 0; p < depth; p++, tiles += ROWS * APART) {
    float *to = tiles;
    const float *from = next_row(&w, g, lda);
#if RK_BF16
    float line[(SIDE + VW) * APART];
    const float *other = 2 * p + 1 < rows ? next_row(&w, g, lda) : 0;
    for (ptrdiff_t i = 0; i < columns; i += VW) {
      int left = (int)(columns - i);
      vf low = v_load_n(from + i, left), high = other ? v_load_n(other + i, left) : v_set(0);
#if APART == 2
      low = (vf)v_rounded(low), high = (vf)v_rounded(high);
      v_store(line + 2 * i, v_first_halves(high, low));
      v_store(line + 2 * i + VW, v_second_halves(high, low));
#else
      v_store(line + i, v_pairs(low, high));
#endif
    }
    from = line;
#endif
    for (ptrdiff_t r = 0; r < whole; r++, from += ROWS * APART, to += SIDE_TILE) UNROLL for (int q = 0; q < ROWS * APART; q++) to[q] = from[q];
    for (ptrdiff_t q = 0; q < (columns - whole * ROWS) * APART; q++) to[q] = from[q];
  }
}

// Both sides run along k with a stride: a run of B is copied into panels, and of A as well where many columns share it (pairs and
// rows in groups always are copied: that is where they are made, or brought together).
static void RK(gradient)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const rk_groups *g, const float *a, ptrdiff_t lda, const float *b,
                         ptrdiff_t ldb, float *c, ptrdiff_t ldc, ptrdiff_t accumulate, float *scratch) {
  // Few columns of B: rows of A are read where they lie, or copied as they are where that needs no more room than tiles.
  int together = g->size >= k, narrow = ELEMENTS == 1 && n <= 4 * PANEL && (together || m <= 4 * SIDE);
  ptrdiff_t inner = INNER(k), run = narrow ? NARROW : long_run(inner), side = even_part(m, SIDE, ROWS);
  float *bp = scratch, *ap = scratch + MOST * ((n + PANEL - 1) / PANEL * PANEL);
  for (ptrdiff_t k0 = 0; k0 < inner; k0 += run) {
    ptrdiff_t depth = at_most(run, inner - k0), rows_left = k - k0 * ELEMENTS;
    int add = accumulate || k0 > 0;
    copy_panels(n, depth, rows_left, g, k0 * ELEMENTS, b, ldb, bp);
    if (narrow) {
      const float *rows = a + k0 * lda;
      ptrdiff_t ld = lda;
      if (!together) {
        rk_row_iterator w = rows_from(g, k0, a, lda);
        for (ptrdiff_t p = 0; p < depth; p++) memcpy(ap + p * m, next_row(&w, g, lda), m * sizeof(float));
        rows = ap, ld = m;
      }
      for (ptrdiff_t j = 0; j < n; j += PANEL)
        gemm_panel(m, depth, rows, 1, ld, bp + j * depth, 0, c + j, ldc, (int)at_most(PANEL, n - j), add, 0, 0);
      continue;
    }
    for (ptrdiff_t i = 0; i < m; i += side) {
      ptrdiff_t columns = at_most(side, m - i);
      copy_tiles(columns, depth, rows_left, g, k0 * ELEMENTS, a + i, lda, ap);
      // What is copied next comes from memory while this block is multiplied.
      int wraps = i + side >= m;
      rk_row_iterator coming = rows_from(g, (wraps ? k0 + run : k0) * ELEMENTS, wraps ? a : a + i + side, lda);
      ptrdiff_t coming_rows = at_most(run * ELEMENTS, wraps ? rows_left - run * ELEMENTS : rows_left);
      ptrdiff_t tiles = (columns + ROWS - 1) / ROWS, each = (coming_rows * PANEL + tiles * n - 1) / (tiles * n), asked = 0;
      for (ptrdiff_t j = 0; j < n; j += PANEL) {
        const float *from = ap;
        for (ptrdiff_t r = 0; r < columns; r += ROWS, from += SIDE_TILE) {
          for (ptrdiff_t end = at_most(asked + each, coming_rows); asked < end; asked++) {
            const float *row = next_row(&coming, g, lda);
            for (int line = 0; line < side; line += 16) __builtin_prefetch(row + line, 0, 2);
          }
          gemm_panel(at_most(ROWS, columns - r), depth, from, APART, ROWS * APART, bp + j * depth, 0, c + (i + r) * ldc + j, ldc,
                     (int)at_most(PANEL, n - j), add, 0, 0);
        }
      }
    }
  }
}

// -- where both sides are narrow: nothing is copied -------------------------------------------------------------
//
// Vectors of a tile are columns of A, whose rows are few whole vectors; rows of a tile are columns of B. So C comes out turned, tile by
// tile, in scratch, and a run of both sides' rows stays in first-level cache while all tiles go over it.
#if RK_REGISTERS >= 32
#define ACROSS 3
#else
#define ACROSS 2
#endif
enum { ACROSS_RUN = 128, ACROSS_WIDTH = 6 * 16 };

// Whether C [m, n] is computed so.
static ptrdiff_t RK(is_narrow_gradient)(ptrdiff_t m, ptrdiff_t n) { return ELEMENTS == 1 && m % VW == 0 && m + n <= ACROSS_WIDTH; }

// `columns` columns of B times NV vectors of A's, from `turned` on.
#define ACROSS_CASE(MR, NV)                                                                                             \
  case MR: {                                                                                                            \
    vf acc[TILE_ROWS_2][4];                                                                                             \
    UNROLL for (int r = 0; r < MR; r++)                                                                                 \
      UNROLL for (int v = 0; v < NV; v++) acc[r][v] = v_load(turned + r * m + v * VW);                                  \
    tile_multiply_by(1, MR, NV, acc, depth, b, 1, ldb, a, lda, 0);                                                            \
    UNROLL for (int r = 0; r < MR; r++)                                                                                 \
      UNROLL for (int v = 0; v < NV; v++) v_store(turned + r * m + v * VW, acc[r][v]);                                  \
  } break;
#define ACROSS_ROWS(NAME, NV)                                                                                           \
  static void RK(NAME)(ptrdiff_t m, ptrdiff_t n, int depth, const float *a, ptrdiff_t lda, const float *b,              \
                       ptrdiff_t ldb, float *turned) {                                                                  \
    for (ptrdiff_t j = 0; j < n;) {                                                                                     \
      int columns = next_tile(n - j, ROWS);                                                                             \
      switch (columns) { EACH_ROWS_2(ACROSS_CASE, NV) }                                                                 \
      j += columns, b += columns, turned += columns * m;                                                                \
    }                                                                                                                   \
  }
ACROSS_ROWS(across_1, 1)
ACROSS_ROWS(across_2, 2)
#if ACROSS >= 3
ACROSS_ROWS(across_3, 3)
#endif

RK_INLINE void across_run(ptrdiff_t m, ptrdiff_t n, int depth, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb,
                          float *turned) {
  for (ptrdiff_t i = 0; i < m;) {
    ptrdiff_t vectors = at_most(ACROSS, (m - i) / VW);
    if (vectors == 1) RK(across_1)(m, n, depth, a + i, lda, b, ldb, turned + i);
    else if (vectors == 2) RK(across_2)(m, n, depth, a + i, lda, b, ldb, turned + i);
#if ACROSS >= 3
    else RK(across_3)(m, n, depth, a + i, lda, b, ldb, turned + i);
#endif
    i += vectors * VW;
  }
}

// C [m, n] to its transpose without gaps, and back; m are whole vectors.
RK_INLINE void turn_from(ptrdiff_t m, ptrdiff_t n, const float *c, ptrdiff_t ldc, float *turned) {
  for (ptrdiff_t i = 0; i < m; i += VW)
    for (ptrdiff_t j = 0; j < n; j += VW) {
      int left = (int)at_most(VW, n - j);
      vf x[VW];
      UNROLL for (int r = 0; r < VW; r++) x[r] = v_load_n(c + (i + r) * ldc + j, left);
      v_transpose(x);
      UNROLL for (int r = 0; r < VW; r++)
        if (r < left) v_store(turned + (j + r) * m + i, x[r]);
    }
}
RK_INLINE void turn_to(ptrdiff_t m, ptrdiff_t n, const float *turned, float *c, ptrdiff_t ldc) {
  for (ptrdiff_t i = 0; i < m; i += VW)
    for (ptrdiff_t j = 0; j < n; j += VW) {
      int left = (int)at_most(VW, n - j);
      vf x[VW];
      UNROLL for (int r = 0; r < VW; r++) x[r] = r < left ? v_load(turned + (j + r) * m + i) : v_set(0);
      v_transpose(x);
      UNROLL for (int r = 0; r < VW; r++) v_store_n(c + (i + r) * ldc + j, x[r], left);
    }
}

static void RK(gradient_across)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const rk_groups *g, const float *a, ptrdiff_t lda,
                                const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, ptrdiff_t accumulate, float *turned) {
  if (accumulate) turn_from(m, n, c, ldc, turned);
  else memset(turned, 0, (size_t)(m * n) * sizeof(float));
  for (ptrdiff_t first = 0; k > 0; first += g->stride)
    for (ptrdiff_t row = 0, size = at_most(g->size, k); row < size; row += ACROSS_RUN) {
      ptrdiff_t depth = at_most(ACROSS_RUN, size - row);
      across_run(m, n, (int)depth, a + (first + row) * lda, lda, b + (first + row) * ldb, ldb, turned);
      k -= depth;
    }
  turn_to(m, n, turned, c, ldc);
}

static void RK(multiply_gradient)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const rk_groups *g, const float *a, ptrdiff_t lda,
                                  const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, ptrdiff_t accumulate,
                                  float *scratch) {
  if (m <= 0 || n <= 0) return;  // a thread's share may be empty
  if (RK(is_narrow_gradient)(m, n)) {
    RK(gradient_across)(m, n, k, g, a, lda, b, ldb, c, ldc, accumulate, scratch);
    return;
  }
  if (n > VW) {
    RK(gradient)(m, n, k, g, a, lda, b, ldb, c, ldc, accumulate, scratch);
    return;
  }
  float *transposed = scratch + panels_and_tiles(n, m);
  if (accumulate)
    for (ptrdiff_t i = 0; i < m; i++)
      for (ptrdiff_t j = 0; j < n; j++) transposed[j * m + i] = c[i * ldc + j];
  RK(gradient)(n, m, k, g, b, ldb, a, lda, transposed, m, accumulate, scratch);
  for (ptrdiff_t i = 0; i < m; i++)
    for (ptrdiff_t j = 0; j < n; j++) c[i * ldc + j] = transposed[j * m + i];
}
