// The elementwise work of layers that are walked one step at a time (SteppedLayer): layer norm, gates, masks.
//
// Rows do not depend on one another: any cut of them gives the same bits. Padded units are zero and stay zero, but for gates, whose
// padding only ever meets zeros.
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

// i f g o are activated in place, c' = f·c + i·g; `product` is added to the gates before, where it is given.
static void RK(step_lstm_cells)(float *gates, const float *product, const float *c_in, float *c, ptrdiff_t units,
                                ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *i = gates + row * 4 * units, *f = i + units, *g = f + units, *o = g + units, *to = c + row * units;
    const float *p = product ? product + row * 4 * units : 0, *before = c_in ? c_in + row * units : 0;
    EACH(units, {
      vf in = v_load_n(i + e, N), forget = v_load_n(f + e, N), new = v_load_n(g + e, N), out = v_load_n(o + e, N);
      if (p) {
        in += v_load_n(p + e, N);
        forget += v_load_n(p + units + e, N);
        new += v_load_n(p + 2 * units + e, N);
        out += v_load_n(p + 3 * units + e, N);
      }
      in = v_sigmoid(in);
      forget = v_sigmoid(forget);
      new = v_tanh(new);
      v_store_n(i + e, in, N);
      v_store_n(f + e, forget, N);
      v_store_n(g + e, new, N);
      v_store_n(o + e, v_sigmoid(out), N);
      v_store_n(to + e, before ? v_fma(forget, v_load_n(before + e, N), in * new) : in * new, N);
    })
  })
}

// h = o·tanh(s), s left behind as its tanh; then c is mixed with the state before where `zone` keeps it.
static void RK(step_lstm_output)(const float *gates, const float *s_in, float *s, float *h, float *c, const float *c_in,
                                 const float *zone, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    const float *o = gates + row * 4 * units + 3 * units;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf t = v_tanh(v_load_n(s_in + at + e, N));
      v_store_n(s + at + e, t, N);
      v_store_n(h + at + e, v_load_n(o + e, N) * t, N);
      if (zone) {
        vf now = v_load_n(c + at + e, N), before = c_in ? v_load_n(c_in + at + e, N) : v_set(0);
        v_store_n(c + at + e, v_fma(v_load_n(zone + at + e, N), before - now, now), N);
      }
    })
  })
}

// From dh: the gradient of o in its place, and in s that of what tanh read.
static void RK(step_lstm_output_back)(float *gates, float *s, const float *dh, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *o = gates + row * 4 * units + 3 * units;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf d = v_load_n(dh + at + e, N), t = v_load_n(s + at + e, N), out = v_load_n(o + e, N);
      v_store_n(s + at + e, d * out * (1.0f - t * t), N);
      v_store_n(o + e, d * t * out * (1.0f - out), N);
    })
  })
}

// From s, the gradient of the new c but for what comes from the step behind (dc): gradients of i f g in their place, and of the
// c before in dc.
static void RK(step_lstm_cells_back)(float *gates, const float *s, float *dc, const float *c_in, const float *zone,
                                     ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *i = gates + row * 4 * units, *f = i + units, *g = f + units;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf later = v_load_n(dc + at + e, N), kept = v_set(0), d = v_load_n(s + at + e, N);
      if (zone) {
        kept = later * v_load_n(zone + at + e, N);
        later -= kept;
      }
      d += later;
      vf in = v_load_n(i + e, N), forget = v_load_n(f + e, N), new = v_load_n(g + e, N);
      v_store_n(i + e, d * new * in * (1.0f - in), N);
      v_store_n(f + e, c_in ? d * v_load_n(c_in + at + e, N) * forget * (1.0f - forget) : v_set(0), N);
      v_store_n(g + e, d * in * (1.0f - new * new), N);
      v_store_n(dc + at + e, v_fma(d, forget, kept), N);
    })
  })
}

// r z n are activated in place, h = n + z·(h_in - n). `product` is added to r and z before, where it is given; m is what r multiplies.
static void RK(step_gru)(float *gates, const float *product, const float *m, ptrdiff_t ldm, const float *h_in, ptrdiff_t ldh,
                         float *h, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units, *z = r + units, *n = z + units;
    const float *p = product ? product + row * 3 * units : 0, *before = h_in ? h_in + row * ldh : 0;
    EACH(units, {
      vf reset = v_load_n(r + e, N), update = v_load_n(z + e, N);
      if (p) {
        reset += v_load_n(p + e, N);
        update += v_load_n(p + units + e, N);
      }
      reset = v_sigmoid(reset);
      update = v_sigmoid(update);
      vf new = v_tanh(v_fma(reset, v_load_n(m + row * ldm + e, N), v_load_n(n + e, N)));
      v_store_n(r + e, reset, N);
      v_store_n(z + e, update, N);
      v_store_n(n + e, new, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      v_store_n(h + row * units + e, v_fma(update, old - new, new), N);
    })
  })
}

// Gradients of r z n in their place, of what the recurrent product gave in d, and dh·z is added to d_in.
static void RK(step_gru_back)(float *gates, const float *m, ptrdiff_t ldm, const float *dh, const float *h_in, ptrdiff_t ldh,
                              float *d, float *d_in, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units, *z = r + units, *n = z + units, *dr = d + row * 3 * units;
    const float *before = h_in ? h_in + row * ldh : 0;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf reset = v_load_n(r + e, N), update = v_load_n(z + e, N), new = v_load_n(n + e, N), out = v_load_n(dh + at + e, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      vf dn = out * (1.0f - update) * (1.0f - new * new);
      vf d_reset = dn * v_load_n(m + row * ldm + e, N) * reset * (1.0f - reset);
      vf d_update = out * (old - new) * update * (1.0f - update);
      v_store_n(n + e, dn, N);
      v_store_n(r + e, d_reset, N);
      v_store_n(z + e, d_update, N);
      v_store_n(dr + e, d_reset, N);
      v_store_n(dr + units + e, d_update, N);
      v_store_n(dr + 2 * units + e, dn * reset, N);
      v_store_n(d_in + at + e, v_fma(out, update, v_load_n(d_in + at + e, N)), N);
    })
  })
}

// to = h·mask, with a mask for each row; a copy without one.
static void RK(step_see)(const float *h, ptrdiff_t ldh, const float *mask, float *to, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *out = to + row * units;
    if (!h) memset(out, 0, (size_t)units * sizeof(float));
    else if (!mask) memcpy(out, h + row * ldh, (size_t)units * sizeof(float));
    else EACH(units, v_store_n(out + e, v_load_n(h + row * ldh + e, N) * v_load_n(mask + row * units + e, N), N);)
  })
}

// to += from·mask, likewise.
static void RK(step_see_back)(const float *from, const float *mask, float *to, ptrdiff_t units, ptrdiff_t rows) {
  ptrdiff_t count = rows * units;
  if (mask) {
    EACH(count, v_store_n(to + e, v_fma(v_load_n(from + e, N), v_load_n(mask + e, N), v_load_n(to + e, N)), N);)
  } else {
    EACH(count, v_store_n(to + e, v_load_n(from + e, N) + v_load_n(to + e, N), N);)
  }
}

// out = h + zone·(h_in - h), or a copy of h.
static void RK(step_emit)(const float *h, const float *h_in, ptrdiff_t ldh, const float *zone, float *out, ptrdiff_t ldo,
                          ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    const float *now = h + row * units, *before = h_in ? h_in + row * ldh : 0;
    float *to = out + row * ldo;
    if (!zone) memcpy(to, now, (size_t)units * sizeof(float));
    else
      EACH(units, {
        vf x = v_load_n(now + e, N), old = before ? v_load_n(before + e, N) : v_set(0);
        v_store_n(to + e, v_fma(v_load_n(zone + row * units + e, N), old - x, x), N);
      })
  })
}

// The gradient of an output (d_out, if given, and what comes from the step behind: carried): of the cell's own in `own`, of the state
// before in `carried`.
static void RK(step_emit_back)(const float *d_out, ptrdiff_t ldd, const float *zone, float *carried, float *own, ptrdiff_t units,
                               ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    EACH(units, {
      vf d = v_load_n(carried + at + e, N);
      if (d_out) d += v_load_n(d_out + row * ldd + e, N);
      vf kept = zone ? d * v_load_n(zone + at + e, N) : v_set(0);
      v_store_n(carried + at + e, kept, N);
      v_store_n(own + at + e, d - kept, N);
    })
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

#define RK_STEPPED                                                                                                       \
  {                                                                                                                    \
    RK(norm_forward), RK(norm_apply), RK(norm_backward), RK(step_lstm_cells), RK(step_lstm_output),                    \
        RK(step_lstm_output_back), RK(step_lstm_cells_back), RK(step_gru), RK(step_gru_back), RK(step_see),            \
        RK(step_see_back), RK(step_emit), RK(step_emit_back), RK(column_products)                                      \
  }
