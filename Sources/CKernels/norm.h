// Layer norm of rows of padded blocks (Ba et al. 2016), forward and back. Padding is zero and stays zero.
#define EACH_ROW(rows, ...) for (ptrdiff_t row = 0; row < (rows); row++) { __VA_ARGS__ }

// Σ f over one block's units, four sums side by side.
#define BLOCK_SUM(total, n, ...)                                                                  \
  do {                                                                                            \
    vf part[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};                                        \
    ptrdiff_t e = 0;                                                                              \
    for (; e + 4 * VW <= (n); e += 4 * VW)                                                        \
      UNROLL for (int lane = 0; lane < 4; lane++) { enum { N = VW }; ptrdiff_t u = e + lane * VW; part[lane] += (__VA_ARGS__); } \
    for (; e < (n); e += VW) { const int N = (int)at_most(VW, (n) - e); ptrdiff_t u = e; part[0] += (__VA_ARGS__); } \
    total += v_sum((part[0] + part[1]) + (part[2] + part[3]));                                    \
  } while (0)

// x with the lanes behind the first n zero.
RK_INLINE vf v_first(vf x, int n) {
  if (n >= VW) return x;
  float t[VW] __attribute__((aligned(VW * 4))) = {0};
  v_store_n(t, x, n);
  return v_load(t);
}

static void RK(norm_forward)(const rk_norm *norm, float *x, float *deviation, ptrdiff_t rows) {
  ptrdiff_t hidden = norm->hidden, units = norm->units, width = norm->first[norm->groups] * units;
  EACH_ROW(rows, {
    for (ptrdiff_t g = 0; g < norm->groups; g++) {
      ptrdiff_t from = norm->first[g], to = norm->first[g + 1];
      float count = (float)((to - from) * hidden), sum = 0, squares = 0;
      for (ptrdiff_t block = from; block < to; block++) {
        const float *p = x + row * width + block * units;
        BLOCK_SUM(sum, hidden, v_load_n(p + u, N));
      }
      float mean = sum / count;
      for (ptrdiff_t block = from; block < to; block++) {
        const float *p = x + row * width + block * units;
        BLOCK_SUM(squares, hidden, ({ vf d = v_first(v_load_n(p + u, N) - mean, N); d * d; }));
      }
      float inverse = 1 / sqrtf(squares / count + norm->epsilon);
      deviation[row * norm->groups + g] = inverse;
      for (ptrdiff_t block = from; block < to; block++) {
        float *p = x + row * width + block * units;
        EACH(hidden, v_store_n(p + e, (v_load_n(p + e, N) - mean) * inverse, N);)
      }
    }
  })
}

static void RK(norm_apply)(const rk_norm *norm, const float *x, ptrdiff_t first, ptrdiff_t last, float *y, ptrdiff_t ldy,
                           ptrdiff_t adding, ptrdiff_t rows) {
  ptrdiff_t width = norm->first[norm->groups] * norm->units;
  EACH_ROW(rows, {
    const float *p = x + row * width + first;
    const float *alpha = norm->alpha + first;
    const float *beta = norm->beta + first;
    float *to = y + row * ldy;
    if (adding) {
      EACH(last - first, v_store_n(to + e, v_load_n(to + e, N) + v_fma(v_load_n(alpha + e, N), v_load_n(p + e, N), v_load_n(beta + e, N)), N);)
    } else {
      EACH(last - first, v_store_n(to + e, v_fma(v_load_n(alpha + e, N), v_load_n(p + e, N), v_load_n(beta + e, N)), N);)
    }
  })
}

static void RK(norm_backward)(const rk_norm *norm, const float *dy, const float *x, const float *deviation, float *dx,
                              ptrdiff_t rows) {
  ptrdiff_t hidden = norm->hidden, units = norm->units, width = norm->first[norm->groups] * units;
  EACH_ROW(rows, {
    for (ptrdiff_t g = 0; g < norm->groups; g++) {
      ptrdiff_t from = norm->first[g], to = norm->first[g + 1];
      float count = (float)((to - from) * hidden), sum = 0, product = 0;
      for (ptrdiff_t block = from; block < to; block++) {
        const float *d = dy + row * width + block * units, *p = x + row * width + block * units;
        const float *alpha = norm->alpha + block * units;
        BLOCK_SUM(sum, hidden, v_load_n(d + u, N) * v_load_n(alpha + u, N));
        BLOCK_SUM(product, hidden, v_load_n(d + u, N) * v_load_n(alpha + u, N) * v_load_n(p + u, N));
      }
      float mean = sum / count, slope = product / count, inverse = deviation[row * norm->groups + g];
      for (ptrdiff_t block = from; block < to; block++) {
        const float *d = dy + row * width + block * units, *p = x + row * width + block * units;
        const float *alpha = norm->alpha + block * units;
        float *to_x = dx + row * width + block * units;
        EACH(hidden, v_store_n(to_x + e, (v_load_n(d + e, N) * v_load_n(alpha + e, N) - mean - v_load_n(p + e, N) * slope) * inverse, N);)
      }
    }
  })
}

// out[j] += Σ over rows of x[row, j]·y[row, j].
static void RK(column_products)(const float *x, const float *y, ptrdiff_t rows, ptrdiff_t columns, float *out) {
  for (ptrdiff_t j = 0; j < columns; j += 4 * VW) {
    ptrdiff_t left = columns - j;
    vf acc[4];
    for (int v = 0; v < 4; v++) acc[v] = left > v * VW ? v_load_n(out + j + v * VW, (int)at_most(VW, left - v * VW)) : v_set(0);
    if (left >= 4 * VW)
      for (ptrdiff_t r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < 4; v++)
          acc[v] = v_fma(v_load(x + r * columns + j + v * VW), v_load(y + r * columns + j + v * VW), acc[v]);
    else
      for (ptrdiff_t r = 0; r < rows; r++)
        for (int v = 0; v * VW < left; v++) {
          int n = (int)at_most(VW, left - v * VW);
          acc[v] = v_fma(v_load_n(x + r * columns + j + v * VW, n), v_load_n(y + r * columns + j + v * VW, n), acc[v]);
        }
    for (int v = 0; v * VW < left && v < 4; v++) v_store_n(out + j + v * VW, acc[v], (int)at_most(VW, left - v * VW));
  }
}
