// The elementwise work of layers that are walked one step at a time (SteppedLayer): gates and masks.
//
// Rows do not depend on one another: any cut of them gives the same bits. Padded units of a state are zero and stay zero.
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

#define RK_STEPPED                                                                                                       \
  {                                                                                                                    \
    RK(norm_forward), RK(norm_apply), RK(norm_backward), RK(step_lstm_cells), RK(step_lstm_output),                    \
        RK(step_lstm_output_back), RK(step_lstm_cells_back), RK(step_gru), RK(step_gru_back), RK(step_see),            \
        RK(step_see_back), RK(step_emit), RK(step_emit_back), RK(column_products)                                      \
  }
