// Element by element: activations, the optimizers' one-pass updates, sums.
//
// A tail shorter than a vector goes through the same vector code, so that an element's bits do not depend on its place.
#define EACH(n, ...)                        \
  for (ptrdiff_t e = 0; e < (n); e += VW) { \
    int left = (int)at_most(VW, (n) - e);   \
    if (left == VW) {                       \
      enum { N = VW };                      \
      __VA_ARGS__                           \
    } else {                                \
      const int N = left;                   \
      __VA_ARGS__                           \
    }                                       \
  }

static void RK(exp)(const float *x, float *y, ptrdiff_t n) { EACH(n, v_store_n(y + e, v_exp(v_load_n(x + e, N)), N);) }
static void RK(sigmoid)(const float *x, float *y, ptrdiff_t n) { EACH(n, v_store_n(y + e, v_sigmoid(v_load_n(x + e, N)), N);) }
static void RK(tanh)(const float *x, float *y, ptrdiff_t n) { EACH(n, v_store_n(y + e, v_tanh(v_load_n(x + e, N)), N);) }
static void RK(relu)(const float *x, float *y, ptrdiff_t n) { EACH(n, v_store_n(y + e, v_at_least(v_load_n(x + e, N), 0), N);) }

static void RK(sigmoid_back)(const float *y, const float *dy, float *dx, ptrdiff_t n) {
  EACH(n, vf s = v_load_n(y + e, N); v_store_n(dx + e, v_load_n(dy + e, N) * s * (1.0f - s), N);)
}
static void RK(tanh_back)(const float *y, const float *dy, float *dx, ptrdiff_t n) {
  EACH(n, vf s = v_load_n(y + e, N); v_store_n(dx + e, v_load_n(dy + e, N) * (1.0f - s * s), N);)
}
static void RK(relu_back)(const float *y, const float *dy, float *dx, ptrdiff_t n) {
  EACH(n, v_store_n(dx + e, v_select(v_load_n(y + e, N) > v_set(0), v_load_n(dy + e, N), v_set(0)), N);)
}

// The largest number, or NaN where one is.
RK_INLINE float largest(const float *x, ptrdiff_t n) {
  float top = x[0];
  ptrdiff_t i = 0;
  if (n >= 4 * VW) {
    // clang-format off: it takes the first loop for one of the function's own.
    vf most[4];
    vi odd = {};
    UNROLL for (int v = 0; v < 4; v++) most[v] = v_load(x + v * VW);
    for (; i + 4 * VW <= n; i += 4 * VW)
      UNROLL for (int v = 0; v < 4; v++) {
        vf y = v_load(x + i + v * VW);
        most[v] = v_select(y > most[v], y, most[v]);
        odd |= y != y;
      }
    // clang-format on
    for (int r = 0; r < VW; r++) {
      for (int v = 0; v < 4; v++) top = most[v][r] > top ? most[v][r] : top;
      if (odd[r]) top = NAN;
    }
  }
  for (; i < n; i++) top = x[i] > top || x[i] != x[i] ? x[i] : top;
  return top;
}

// Whether one of x is above the bound; as large as it counts where `equal`.
RK_INLINE int any_above(const float *x, ptrdiff_t n, float bound, const int equal) {
  vi found = {};
  ptrdiff_t i = 0;
  for (; i + VW <= n; i += VW) found |= equal ? v_load(x + i) >= v_set(bound) : v_load(x + i) > v_set(bound);
  int any = 0;
  for (int r = 0; r < VW; r++) any |= found[r] != 0;
  for (; i < n; i++) any |= equal ? x[i] >= bound : x[i] > bound;
  return any;
}
static int RK(is_largest)(const float *x, ptrdiff_t n, ptrdiff_t at) {
  return !any_above(x, at, x[at], 1) && !any_above(x + at + 1, n - at - 1, x[at], 0);
}

static float RK(softmax)(const float *x, float *p, ptrdiff_t n) {
  float top = largest(x, n);
  vf total = v_set(0);
  EACH(n, {
    vf q = v_exp(v_load_n(x + e, N) - top);
    v_store_n(p + e, q, N);
    total += v_load_n(p + e, N);
  })
  float sum = v_sum(total), inverse = 1.0f / sum;
  EACH(n, v_store_n(p + e, v_load_n(p + e, N) * inverse, N);)
  return top + logf(sum);
}

// Of NV vectors, the last of which ends after `last` columns: each is a chain of additions, and several fill the time.
RK_INLINE void sum_vectors(const int NV, const float *x, ptrdiff_t rows, ptrdiff_t ld, int last, float *out) {
  vf acc[4];
  UNROLL for (int v = 0; v < NV; v++) acc[v] = v_load_n(out + v * VW, v == NV - 1 ? last : VW);
  for (ptrdiff_t r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < NV; v++) acc[v] += v_load_n(x + r * ld + v * VW, v == NV - 1 ? last : VW);
  UNROLL for (int v = 0; v < NV; v++) v_store_n(out + v * VW, acc[v], v == NV - 1 ? last : VW);
}
static void RK(column_sums)(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t ld, float *out) {
  ptrdiff_t j = 0;
  for (; j + 4 * VW <= columns; j += 4 * VW) sum_vectors(4, x + j, rows, ld, VW, out + j);
  if (j == columns) return;
  int vectors = (int)((columns - j + VW - 1) / VW), last = (int)(columns - j) - (vectors - 1) * VW;
  if (vectors == 4) sum_vectors(4, x + j, rows, ld, last, out + j);
  else if (vectors == 3) sum_vectors(3, x + j, rows, ld, last, out + j);
  else if (vectors == 2) sum_vectors(2, x + j, rows, ld, last, out + j);
  else sum_vectors(1, x + j, rows, ld, last, out + j);
}

static double RK(sum_of_squares)(const float *x, ptrdiff_t n) {
  double total = 0;
  for (ptrdiff_t start = 0; start < n; start += 4096) {
    ptrdiff_t count = at_most(4096, n - start);
    const float *block = x + start;
    vf a = v_set(0), b = v_set(0), c = v_set(0), d = v_set(0);
    ptrdiff_t i = 0;
    for (; i + 4 * VW <= count; i += 4 * VW) {
      vf p = v_load(block + i), q = v_load(block + i + VW), r = v_load(block + i + 2 * VW), s = v_load(block + i + 3 * VW);
      a = v_fma(p, p, a);
      b = v_fma(q, q, b);
      c = v_fma(r, r, c);
      d = v_fma(s, s, d);
    }
    for (; i < count; i += VW) {
      vf p = v_load_n(block + i, (int)at_most(VW, count - i));
      a = v_fma(p, p, a);
    }
    total += (double)v_sum((a + b) + (c + d));
  }
  return total;
}

// Kingma & Ba 2015 and Loshchilov & Hutter 2019 as in torch.optim.Adam and AdamW: eps outside the root, after bias correction.
static void RK(adam)(const rk_optimizer *o, float *p, const float *g, float *m, float *v, ptrdiff_t n) {
  float step = o->lr / o->bias1, root = 1.0f / o->bias2_sqrt, shrink = 1.0f - o->lr * o->weight_decay;
  float l2 = o->decoupled ? 0 : o->weight_decay, c1 = (float)(1 - o->beta1), c2 = (float)(1 - o->beta2), beta2 = (float)o->beta2;
  EACH(n, {
    vf w = v_load_n(p + e, N);
    vf d = v_load_n(g + e, N) * o->gradient_scale;
    if (o->decoupled) w = w * shrink;
    else if (l2 != 0) d = v_fma(w, v_set(l2), d);
    vf mean = v_load_n(m + e, N), square = v_load_n(v + e, N);
    mean = v_fma(d - mean, v_set(c1), mean);
    square = v_fma(d * c2, d, square * beta2);
    v_store_n(m + e, mean, N);
    v_store_n(v + e, square, N);
    v_store_n(p + e, w - step * mean / (v_sqrt(square) * root + o->eps), N);
  })
}

// torch.optim.SGD: the buffer starts as the first gradient; the learning rate stays outside it.
static void RK(sgd)(const rk_optimizer *o, float *p, const float *g, float *buffer, ptrdiff_t n) {
  float fresh = 1.0f - o->dampening;
  EACH(n, {
    vf w = v_load_n(p + e, N);
    vf d = v_load_n(g + e, N) * o->gradient_scale;
    if (o->weight_decay != 0) d = v_fma(w, v_set(o->weight_decay), d);
    if (o->momentum != 0) {
      vf b = o->first_step ? d : v_fma(v_load_n(buffer + e, N), v_set(o->momentum), d * fresh);
      v_store_n(buffer + e, b, N);
      d = o->nesterov ? v_fma(b, v_set(o->momentum), d) : b;
    }
    v_store_n(p + e, v_fma(d, v_set(-o->lr), w), N);
  })
}

// torch.optim.RMSprop, not centered.
static void RK(rmsprop)(const rk_optimizer *o, float *p, const float *g, float *square, float *buffer, ptrdiff_t n) {
  float c = (float)(1 - o->beta2), alpha = (float)o->beta2;
  EACH(n, {
    vf w = v_load_n(p + e, N);
    vf d = v_load_n(g + e, N) * o->gradient_scale;
    if (o->weight_decay != 0) d = v_fma(w, v_set(o->weight_decay), d);
    vf s = v_fma(d * c, d, v_load_n(square + e, N) * alpha);
    v_store_n(square + e, s, N);
    d = d / (v_sqrt(s) + o->eps);
    if (o->momentum != 0) {
      d = v_fma(v_load_n(buffer + e, N), v_set(o->momentum), d);
      v_store_n(buffer + e, d, N);
    }
    v_store_n(p + e, v_fma(d, v_set(-o->lr), w), N);
  })
}

static double RK(peak)(ptrdiff_t rounds, float *sink) {
  vf acc[12];
  vf x = v_load(sink), y = v_load(sink + VW);
  UNROLL for (int i = 0; i < 12; i++) acc[i] = x + (float)i;
  for (ptrdiff_t r = 0; r < rounds; r++)
    UNROLL for (int i = 0; i < 12; i++) acc[i] = v_multiply_add(x, y, acc[i]);
  vf total = acc[0];
  UNROLL for (int i = 1; i < 12; i++) total += acc[i];
  v_store(sink, total);
  return (double)rounds * 12 * VW * 2 * ELEMENTS;
}
