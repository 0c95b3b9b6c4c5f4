// The elementwise work of layers that are computed one step at a time (StepwiseLayer): gates and masks.
//
// Rows do not depend on one another: any cut of them gives the same bits. Padded units of a state are zero and stay zero.

// Zoneout (Krueger et al. 2017).
RK_INLINE int is_zoned(rk_zone z) { return z.kept || z.share != 0; }
// How much of the state before is kept.
RK_INLINE vf v_zone(rk_zone z, ptrdiff_t at, const int n) { return z.kept ? v_bytes(z.kept + at, n) : v_set(z.share); }

// i f g o are activated in place after `product`, c = f·c_in + i·g, s = tanh(c), h = o·s; then c is mixed with the state before.
static void RK(step_lstm)(float *gates, const float *product, const float *c_in, float *c, float *s, float *h, rk_zone zone,
                          ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    float *i = gates + 4 * at, *f = i + units, *g = f + units, *o = g + units;
    const float *p = product + 4 * at, *before = c_in ? c_in + at : 0;
    EACH(units, {
      vf in = v_sigmoid(v_load_n(i + e, N) + v_load_n(p + e, N));
      vf forget = v_sigmoid(v_load_n(f + e, N) + v_load_n(p + units + e, N));
      vf candidate = v_tanh(v_load_n(g + e, N) + v_load_n(p + 2 * units + e, N));
      vf out = v_sigmoid(v_load_n(o + e, N) + v_load_n(p + 3 * units + e, N));
      v_store_n(i + e, in, N);
      v_store_n(f + e, forget, N);
      v_store_n(g + e, candidate, N);
      v_store_n(o + e, out, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0), now = before ? v_fma(forget, old, in * candidate) : in * candidate;
      vf t = v_tanh(now);
      v_store_n(s + at + e, t, N);
      v_store_n(h + at + e, out * t, N);
      v_store_n(c + at + e, is_zoned(zone) ? v_fma(v_zone(zone, at + e, N), old - now, now) : now, N);
    })
  })
}

// Gradients of i f g o in their place, and in dc that of the c before.
static void RK(step_lstm_back)(float *gates, const float *s, const float *dh, float *dc, const float *c_in, rk_zone zone,
                               ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    float *i = gates + 4 * at, *f = i + units, *g = f + units, *o = g + units;
    const float *before = c_in ? c_in + at : 0;
    EACH(units, {
      vf in = v_load_n(i + e, N), forget = v_load_n(f + e, N), candidate = v_load_n(g + e, N), out = v_load_n(o + e, N);
      vf d_out = v_load_n(dh + at + e, N), t = v_load_n(s + at + e, N), later = v_load_n(dc + at + e, N), kept = v_set(0);
      if (is_zoned(zone)) {
        kept = later * v_zone(zone, at + e, N);
        later -= kept;
      }
      vf d = d_out * out * (1.0f - t * t) + later;
      v_store_n(i + e, d * candidate * in * (1.0f - in), N);
      v_store_n(f + e, before ? d * v_load_n(before + e, N) * forget * (1.0f - forget) : v_set(0), N);
      v_store_n(g + e, d * in * (1.0f - candidate * candidate), N);
      v_store_n(o + e, d_out * t * out * (1.0f - out), N);
      v_store_n(dc + at + e, v_fma(d, forget, kept), N);
    })
  })
}

// r z n are activated in place after `product`, whose last part r multiplies; h = n + z·(h_in - n).
static void RK(step_gru)(float *gates, const float *product, const float *h_in, ptrdiff_t ldh, float *h, ptrdiff_t units,
                         ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units, *z = r + units, *n = z + units;
    const float *p = product + row * 3 * units, *before = h_in ? h_in + row * ldh : 0;
    EACH(units, {
      vf reset = v_sigmoid(v_load_n(r + e, N) + v_load_n(p + e, N));
      vf update = v_sigmoid(v_load_n(z + e, N) + v_load_n(p + units + e, N));
      vf candidate = v_tanh(v_fma(reset, v_load_n(p + 2 * units + e, N), v_load_n(n + e, N)));
      v_store_n(r + e, reset, N);
      v_store_n(z + e, update, N);
      v_store_n(n + e, candidate, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      v_store_n(h + row * units + e, v_fma(update, old - candidate, candidate), N);
    })
  })
}

// Gradients of r z n in their place and those of `product` in its place; dh·z is added to d_in.
static void RK(step_gru_back)(float *gates, float *product, const float *dh, const float *h_in, ptrdiff_t ldh, float *d_in,
                              ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units, *z = r + units, *n = z + units, *p = product + row * 3 * units;
    const float *before = h_in ? h_in + row * ldh : 0;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf reset = v_load_n(r + e, N), update = v_load_n(z + e, N), candidate = v_load_n(n + e, N), out = v_load_n(dh + at + e, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      vf dn = out * (1.0f - update) * (1.0f - candidate * candidate);
      vf d_reset = dn * v_load_n(p + 2 * units + e, N) * reset * (1.0f - reset);
      vf d_update = out * (old - candidate) * update * (1.0f - update);
      v_store_n(n + e, dn, N);
      v_store_n(r + e, d_reset, N);
      v_store_n(z + e, d_update, N);
      v_store_n(p + e, d_reset, N);
      v_store_n(p + units + e, d_update, N);
      v_store_n(p + 2 * units + e, dn * reset, N);
      v_store_n(d_in + at + e, v_fma(out, update, v_load_n(d_in + at + e, N)), N);
    })
  })
}

// to = h·mask, with a mask for each row; a copy without one.
static void RK(mask_state)(const float *h, ptrdiff_t ldh, const float *mask, float *to, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *out = to + row * units;
    if (!h) memset(out, 0, (size_t)units * sizeof(float));
    else if (!mask) memcpy(out, h + row * ldh, (size_t)units * sizeof(float));
    else EACH(units, v_store_n(out + e, v_load_n(h + row * ldh + e, N) * v_load_n(mask + row * units + e, N), N);)
  })
}

// to += from·mask, likewise.
static void RK(mask_state_back)(const float *from, const float *mask, float *to, ptrdiff_t units, ptrdiff_t rows) {
  ptrdiff_t count = rows * units;
  if (mask) {
    EACH(count, v_store_n(to + e, v_fma(v_load_n(from + e, N), v_load_n(mask + e, N), v_load_n(to + e, N)), N);)
  } else {
    EACH(count, v_store_n(to + e, v_load_n(from + e, N) + v_load_n(to + e, N), N);)
  }
}

// out = h + zone·(h_in - h), or a copy of h.
static void RK(apply_zoneout)(const float *h, const float *h_in, ptrdiff_t ldh, rk_zone zone, float *out, ptrdiff_t ldo,
                              ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    const float *now = h + row * units, *before = h_in ? h_in + row * ldh : 0;
    float *to = out + row * ldo;
    if (!is_zoned(zone)) memcpy(to, now, (size_t)units * sizeof(float));
    else
      EACH(units, {
        vf x = v_load_n(now + e, N), old = before ? v_load_n(before + e, N) : v_set(0);
        v_store_n(to + e, v_fma(v_zone(zone, row * units + e, N), old - x, x), N);
      })
  })
}

// The gradient of an output (d_out, if given, and what comes from the next step: carried): of the cell's own in `own`, of the state
// before in `carried`.
static void RK(apply_zoneout_back)(const float *d_out, ptrdiff_t ldd, rk_zone zone, float *carried, float *own, ptrdiff_t units,
                                   ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    EACH(units, {
      vf d = v_load_n(carried + at + e, N);
      if (d_out) d += v_load_n(d_out + row * ldd + e, N);
      vf kept = is_zoned(zone) ? d * v_zone(zone, at + e, N) : v_set(0);
      v_store_n(carried + at + e, kept, N);
      v_store_n(own + at + e, d - kept, N);
    })
  })
}
