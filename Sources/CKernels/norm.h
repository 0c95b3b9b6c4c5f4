// Layer norm of rows of padded blocks (Ba et al. 2016), forward and back.
//
// Rows stay as they are before the norm, with the mean and 1/deviation of each group beside them: x̂ = (x - mean)/deviation is
// formed where it is read. In padding alpha, beta and x are zero, and so is what comes of them.
#define EACH_ROW(rows, ...)                      \
  for (ptrdiff_t row = 0; row < (rows); row++) { \
    __VA_ARGS__                                  \
  }

// Units u of a block, N at a time: four `lane`s side by side, for sums of their own.
#define EACH_LANE(n, ...)                                                                \
  do {                                                                                   \
    ptrdiff_t e = 0;                                                                     \
    for (; e + 4 * VW <= (n); e += 4 * VW) UNROLL for (int lane = 0; lane < 4; lane++) { \
        enum { N = VW };                                                                 \
        ptrdiff_t u = e + lane * VW;                                                     \
        __VA_ARGS__                                                                      \
      }                                                                                  \
    for (; e < (n); e += VW) {                                                           \
      const int lane = 0, N = (int)at_most(VW, (n) - e);                                 \
      ptrdiff_t u = e;                                                                   \
      __VA_ARGS__                                                                        \
    }                                                                                    \
  } while (0)

RK_INLINE float lanes_sum(const vf part[4]) { return v_sum((part[0] + part[1]) + (part[2] + part[3])); }

// x with the lanes after the first n zero.
RK_INLINE vf v_first(vf x, int n) {
  if (n >= VW) return x;
  float t[VW] __attribute__((aligned(VW * 4))) = {0};
  v_store_n(t, x, n);
  return v_load(t);
}

RK_INLINE ptrdiff_t norm_width(const rk_norm *norm) { return norm->first[norm->groups] * norm->units; }

// Mean and 1/deviation of the groups of one row.
RK_INLINE void row_moments(const rk_norm *norm, const float *x, float *moments) {
  ptrdiff_t hidden = norm->hidden, units = norm->units;
  for (ptrdiff_t g = 0; g < norm->groups; g++) {
    ptrdiff_t from = norm->first[g], to = norm->first[g + 1];
    float count = (float)((to - from) * hidden);
    vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)}, squares[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    for (const float *p = x + from * units; p < x + to * units; p += units) EACH_LANE(hidden, sum[lane] += v_load_n(p + u, N););
    vf mean = v_set(lanes_sum(sum) / count);
    for (const float *p = x + from * units; p < x + to * units; p += units)
      EACH_LANE(hidden, vf d = v_first(v_load_n(p + u, N) - mean, N); squares[lane] = v_fma(d, d, squares[lane]););
    moments[2 * g] = mean[0];
    moments[2 * g + 1] = 1 / sqrtf(lanes_sum(squares) / count + norm->epsilon);
  }
}

static void RK(norm_moments)(const rk_normed *n, ptrdiff_t rows) {
  EACH_ROW(rows, row_moments(&n->norm, n->x + row * norm_width(&n->norm), n->moments + row * 2 * n->norm.groups);)
}

// One group of one row.
typedef struct {
  const float *x, *alpha, *beta;
  vf mean, inverse;
} rk_normed_row;

RK_INLINE rk_normed_row normed_row(const rk_normed *n, ptrdiff_t row, ptrdiff_t group) {
  const float *m = n->moments + (row * n->norm.groups + group) * 2;
  return (rk_normed_row){n->x + row * norm_width(&n->norm), n->norm.alpha, n->norm.beta, v_set(m[0]), v_set(m[1])};
}
// α·x̂ + β at this column.
RK_INLINE vf v_normed(const rk_normed_row *r, ptrdiff_t at, const int n) {
  return v_fma(v_load_n(r->alpha + at, n), (v_load_n(r->x + at, n) - r->mean) * r->inverse, v_load_n(r->beta + at, n));
}

// The gradient of one row before the norm from that of α·x̂ + β; `dx` may be `dy` or the row itself. Adds to those of alpha and beta.
RK_INLINE void norm_back_row(const rk_normed *n, ptrdiff_t row, const float *dy, float *dx) {
  const rk_norm *norm = &n->norm;
  ptrdiff_t hidden = norm->hidden, units = norm->units;
  for (ptrdiff_t g = 0; g < norm->groups; g++) {
    rk_normed_row r = normed_row(n, row, g);
    ptrdiff_t from = norm->first[g] * units, to = norm->first[g + 1] * units;
    vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)}, product[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    for (ptrdiff_t block = from; block < to; block += units) {
      const float *d = dy + block, *p = r.x + block, *alpha = r.alpha + block;
      EACH_LANE(hidden, {
        vf a = v_load_n(d + u, N) * v_load_n(alpha + u, N);
        sum[lane] += a;
        product[lane] = v_fma(a, (v_load_n(p + u, N) - r.mean) * r.inverse, product[lane]);
      });
    }
    float count = (float)((norm->first[g + 1] - norm->first[g]) * hidden);
    vf mean = v_set(-lanes_sum(sum) / count), slope = v_set(-lanes_sum(product) / count);
    for (ptrdiff_t block = from; block < to; block += units) {
      const float *d = dy + block, *p = r.x + block, *alpha = r.alpha + block;
      float *out = dx + block, *d_alpha = n->d_alpha + block, *d_beta = n->d_beta ? n->d_beta + block : 0;
      EACH(hidden, {
        vf dd = v_load_n(d + e, N), x = (v_load_n(p + e, N) - r.mean) * r.inverse;
        v_store_n(d_alpha + e, v_fma(dd, x, v_load_n(d_alpha + e, N)), N);
        if (d_beta) v_store_n(d_beta + e, v_load_n(d_beta + e, N) + dd, N);
        v_store_n(out + e, v_fma(x, slope, v_fma(dd, v_load_n(alpha + e, N), mean)) * r.inverse, N);
      })
    }
  }
}
