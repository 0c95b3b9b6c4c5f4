// Matrix products over packed panels of two vectors.
#define PANEL (2 * VW)
#define ROWS TILE_ROWS_2

static ptrdiff_t RK(packed_size)(ptrdiff_t rows, ptrdiff_t depth) {
  return (rows + PANEL - 1) / PANEL * PANEL * depth;
}

static void RK(pack_transposed)(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t rows,
                                const int32_t *column_of, ptrdiff_t depth, float *packed) {
  for (ptrdiff_t n0 = 0; n0 < rows; n0 += PANEL, packed += PANEL * depth)
    for (ptrdiff_t j = 0; j < PANEL; j++) {
      ptrdiff_t n = n0 + j;
      ptrdiff_t source = n >= rows ? -1 : row_of ? row_of[n] : n;
      if (source < 0) {
        for (ptrdiff_t k = 0; k < depth; k++) packed[k * PANEL + j] = 0;
      } else if (column_of) {
        const float *row = w + source * ld;
        for (ptrdiff_t k = 0; k < depth; k++) packed[k * PANEL + j] = column_of[k] < 0 ? 0 : row[column_of[k]];
      } else {
        const float *row = w + source * ld;
        for (ptrdiff_t k = 0; k < depth; k++) packed[k * PANEL + j] = row[k];
      }
    }
}

static void RK(pack)(const float *w, ptrdiff_t ld, const int32_t *row_of, ptrdiff_t depth, const int32_t *column_of,
                     ptrdiff_t columns, float *packed) {
  for (ptrdiff_t n0 = 0; n0 < columns; n0 += PANEL) {
    int width = (int)at_most(PANEL, columns - n0);
    for (ptrdiff_t k = 0; k < depth; k++, packed += PANEL) {
      ptrdiff_t source = row_of ? row_of[k] : k;
      const float *row = w + source * ld;
      for (int j = 0; j < PANEL; j++) {
        ptrdiff_t c = j >= width || source < 0 ? -1 : column_of ? column_of[n0 + j] : n0 + j;
        packed[j] = c < 0 ? 0 : row[c];
      }
    }
  }
}

RK_INLINE void gemm_tile(const int MR, const int NV, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs,
                         const float *b, const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate) {
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int v = 0; v < NV; v++) {
    int left = width - v * VW;
    vf start = bias && !accumulate ? v_load_n(bias + v * VW, left) : v_set(0);
    UNROLL for (int r = 0; r < MR; r++) acc[r][v] = accumulate ? v_load_n(c + r * ldc + v * VW, left) : start;
  }
  tile_multiply(MR, NV, acc, (int)depth, a, rs, cs, b, PANEL);
  UNROLL for (int v = 0; v < NV; v++)
    UNROLL for (int r = 0; r < MR; r++) v_store_n(c + r * ldc + v * VW, acc[r][v], width - v * VW);
}

// One panel times a run of rows. A full panel has no partial vectors, which the compiler then leaves out.
#define GEMM_ROWS(NAME, NV, WIDTH)                                                                             \
  static void RK(NAME)(ptrdiff_t m, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *b,        \
                       const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate) {                  \
    (void)width;                                                                                               \
    for (ptrdiff_t i = 0; i < m;) {                                                                              \
      int rows = next_tile(m - i, ROWS);                                                                       \
      const float *ai = a + i * rs;                                                                            \
      float *ci = c + i * ldc;                                                                                 \
      switch (rows) { EACH_ROWS_2(GEMM_CASE, NV, WIDTH) }                                                       \
      i += rows;                                                                                               \
    }                                                                                                          \
  }
#define GEMM_CASE(MR, NV, WIDTH) \
  case MR: gemm_tile(MR, NV, depth, ai, rs, cs, b, bias, ci, ldc, WIDTH, accumulate); break;
GEMM_ROWS(gemm_full, 2, 2 * VW)
GEMM_ROWS(gemm_one, 1, VW)
GEMM_ROWS(gemm_part_2, 2, width)
GEMM_ROWS(gemm_part_1, 1, width)

RK_INLINE void gemm_panel(ptrdiff_t m, ptrdiff_t depth, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *b,
                          const float *bias, float *c, ptrdiff_t ldc, int width, int accumulate) {
  if (width == 2 * VW) RK(gemm_full)(m, depth, a, rs, cs, b, bias, c, ldc, width, accumulate);
  else if (width > VW) RK(gemm_part_2)(m, depth, a, rs, cs, b, bias, c, ldc, width, accumulate);
  else if (width == VW) RK(gemm_one)(m, depth, a, rs, cs, b, bias, c, ldc, width, accumulate);
  else RK(gemm_part_1)(m, depth, a, rs, cs, b, bias, c, ldc, width, accumulate);
}

#define RUN 256    // depth of a block: a panel's run of B stays in first-level cache
#define BLOCK 240  // rows of a block: its run of A stays in second-level cache

static void RK(multiply)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *packed,
                         const float *bias, float *c, ptrdiff_t ldc, ptrdiff_t accumulate) {
  for (ptrdiff_t i = 0; i < m; i += BLOCK) {
    ptrdiff_t rows = at_most(BLOCK, m - i);
    for (ptrdiff_t k0 = 0; k0 < k; k0 += RUN) {
      ptrdiff_t depth = at_most(RUN, k - k0);
      for (ptrdiff_t j = 0; j < n; j += PANEL)
        gemm_panel(rows, depth, a + i * rs + k0 * cs, rs, cs, packed + j * k + k0 * PANEL, bias ? bias + j : 0,
                   c + i * ldc + j, ldc, (int)at_most(PANEL, n - j), accumulate || k0 > 0);
    }
  }
}

static ptrdiff_t RK(gradient_scratch)(ptrdiff_t m, ptrdiff_t n) {
  return RUN * ((n + PANEL - 1) / PANEL * PANEL) + RUN * at_most(BLOCK, (m + ROWS - 1) / ROWS * ROWS);
}

// Copies B[k0 ..< k0 + depth, 0 ..< n] into panels.
RK_INLINE void copy_panels(ptrdiff_t n, ptrdiff_t depth, const float *b, ptrdiff_t ldb, float *panels) {
  for (ptrdiff_t j = 0; j < n; j += PANEL) {
    int left = (int)at_most(PANEL, n - j);
    const float *row = b + j;
    for (ptrdiff_t p = 0; p < depth; p++, row += ldb, panels += PANEL) {
      v_store(panels, v_load_n(row, left));
      v_store(panels + VW, left > VW ? v_load_n(row + VW, left - VW) : v_set(0));
    }
  }
}

// Both sides run along k with a stride: a run of B is copied into panels, and of A as well where many columns share it.
static void RK(multiply_gradient)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda, const float *b,
                                  ptrdiff_t ldb, float *c, ptrdiff_t ldc, ptrdiff_t accumulate, float *scratch) {
  int narrow = n <= 4 * PANEL;
  ptrdiff_t run = narrow ? 64 : RUN;
  float *bp = scratch, *ap = scratch + RUN * ((n + PANEL - 1) / PANEL * PANEL);
  for (ptrdiff_t k0 = 0; k0 < k; k0 += run) {
    ptrdiff_t depth = at_most(run, k - k0);
    int add = accumulate || k0 > 0;
    copy_panels(n, depth, b + k0 * ldb, ldb, bp);
    if (narrow) {
      for (ptrdiff_t j = 0; j < n; j += PANEL)
        gemm_panel(m, depth, a + k0 * lda, 1, lda, bp + j * depth, 0, c + j, ldc, (int)at_most(PANEL, n - j), add);
      continue;
    }
    for (ptrdiff_t i = 0; i < m; i += BLOCK) {
      ptrdiff_t rows = at_most(BLOCK, m - i);
      // Row tiles as gemm_panel cuts them: each is a run of `tile` numbers for each k.
      float *to = ap;
      for (ptrdiff_t r = 0; r < rows;) {
        int tile = next_tile(rows - r, ROWS);
        const float *from = a + k0 * lda + i + r;
        for (ptrdiff_t p = 0; p < depth; p++, to += tile, from += lda)
          for (int q = 0; q < tile; q++) to[q] = from[q];
        r += tile;
      }
      for (ptrdiff_t j = 0; j < n; j += PANEL) {
        const float *from = ap;
        for (ptrdiff_t r = 0; r < rows;) {
          int tile = next_tile(rows - r, ROWS);
          gemm_panel(tile, depth, from, 1, tile, bp + j * depth, 0, c + (i + r) * ldc + j, ldc,
                     (int)at_most(PANEL, n - j), add);
          from += depth * tile;
          r += tile;
        }
      }
    }
  }
}
