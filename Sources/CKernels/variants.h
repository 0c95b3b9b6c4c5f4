// Cells that PyTorch does not have, one step at a time (StepwiseLayer): an LSTM with peepholes, and a GRU whose reset gate comes before
// the recurrent product. Padded units are zero and stay zero, as in stepwise.h.

// As step_lstm; a gate's sum has p·c added, of the c before for i and f, of the new one for o.
static void RK(peephole_lstm)(float *gates, const float *product, const float *peephole, const float *c_in, float *c, float *s,
                              float *h, rk_zone zone, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    float *i = gates + 4 * at, *f = i + units, *g = f + units, *o = g + units;
    const float *p = product + 4 * at, *before = c_in ? c_in + at : 0;
    EACH(units, {
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      vf in = v_sigmoid(v_fma(v_load_n(peephole + e, N), old, v_load_n(i + e, N) + v_load_n(p + e, N)));
      vf forget = v_sigmoid(v_fma(v_load_n(peephole + units + e, N), old, v_load_n(f + e, N) + v_load_n(p + units + e, N)));
      vf candidate = v_tanh(v_load_n(g + e, N) + v_load_n(p + 2 * units + e, N));
      vf now = v_fma(forget, old, in * candidate);
      vf out = v_sigmoid(v_fma(v_load_n(peephole + 2 * units + e, N), now, v_load_n(o + e, N) + v_load_n(p + 3 * units + e, N)));
      v_store_n(i + e, in, N);
      v_store_n(f + e, forget, N);
      v_store_n(g + e, candidate, N);
      v_store_n(o + e, out, N);
      vf t = v_tanh(now);
      v_store_n(s + at + e, t, N);
      v_store_n(h + at + e, out * t, N);
      v_store_n(c + at + e, is_zoned(zone) ? v_fma(v_zone(zone, at + e, N), old - now, now) : now, N);
    })
  })
}

// The new c, which a zone may have mixed since, is formed again from its gates.
static void RK(peephole_lstm_back)(float *gates, const float *peephole, float *d_peephole, const float *s, const float *dh,
                                   float *dc, const float *c_in, rk_zone zone, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    float *i = gates + 4 * at, *f = i + units, *g = f + units, *o = g + units, *to = d_peephole + 3 * at;
    const float *before = c_in ? c_in + at : 0;
    EACH(units, {
      vf in = v_load_n(i + e, N), forget = v_load_n(f + e, N), candidate = v_load_n(g + e, N), out = v_load_n(o + e, N);
      vf d_h = v_load_n(dh + at + e, N), t = v_load_n(s + at + e, N), later = v_load_n(dc + at + e, N), kept = v_set(0);
      vf old = before ? v_load_n(before + e, N) : v_set(0), now = v_fma(forget, old, in * candidate);
      if (is_zoned(zone)) {
        kept = later * v_zone(zone, at + e, N);
        later -= kept;
      }
      vf d_out = d_h * t * out * (1.0f - out);
      vf d = v_fma(d_out, v_load_n(peephole + 2 * units + e, N), d_h * out * (1.0f - t * t) + later);
      vf d_in = d * candidate * in * (1.0f - in), d_forget = d * old * forget * (1.0f - forget);
      v_store_n(i + e, d_in, N);
      v_store_n(f + e, d_forget, N);
      v_store_n(g + e, d * in * (1.0f - candidate * candidate), N);
      v_store_n(o + e, d_out, N);
      v_store_n(to + e, d_in * old, N);
      v_store_n(to + units + e, d_forget * old, N);
      v_store_n(to + 2 * units + e, d_out * now, N);
      vf seen = v_fma(d_in, v_load_n(peephole + e, N), d_forget * v_load_n(peephole + units + e, N));
      v_store_n(dc + at + e, v_fma(d, forget, kept) + seen, N);
    })
  })
}

static void RK(reset_gru)(float *gates, const float *product, const float *seen, float *reset, ptrdiff_t units, ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units, *z = r + units;
    const float *p = product + row * 3 * units;
    EACH(units, {
      vf factor = v_sigmoid(v_load_n(r + e, N) + v_load_n(p + e, N));
      v_store_n(r + e, factor, N);
      v_store_n(z + e, v_sigmoid(v_load_n(z + e, N) + v_load_n(p + units + e, N)), N);
      v_store_n(reset + row * units + e, factor * v_load_n(seen + row * units + e, N), N);
    })
  })
}

static void RK(reset_gru_new)(float *gates, const float *product, const float *h_in, ptrdiff_t ldh, float *h, ptrdiff_t units,
                              ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *z = gates + row * 3 * units + units, *n = z + units;
    const float *p = product + row * 3 * units + 2 * units, *before = h_in ? h_in + row * ldh : 0;
    EACH(units, {
      vf candidate = v_tanh(v_load_n(n + e, N) + v_load_n(p + e, N)), old = before ? v_load_n(before + e, N) : v_set(0);
      v_store_n(n + e, candidate, N);
      v_store_n(h + row * units + e, v_fma(v_load_n(z + e, N), old - candidate, candidate), N);
    })
  })
}

static void RK(reset_gru_new_back)(float *gates, const float *dh, const float *h_in, ptrdiff_t ldh, float *d_in, ptrdiff_t units,
                                   ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *z = gates + row * 3 * units + units, *n = z + units;
    const float *before = h_in ? h_in + row * ldh : 0;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf update = v_load_n(z + e, N), candidate = v_load_n(n + e, N), out = v_load_n(dh + at + e, N);
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      v_store_n(z + e, out * (old - candidate) * update * (1.0f - update), N);
      v_store_n(n + e, out * (1.0f - update) * (1.0f - candidate * candidate), N);
      v_store_n(d_in + at + e, v_fma(out, update, v_load_n(d_in + at + e, N)), N);
    })
  })
}

static void RK(reset_gru_back)(float *gates, const float *d_reset, const float *seen, float *d_seen, ptrdiff_t units,
                               ptrdiff_t rows) {
  EACH_ROW(rows, {
    float *r = gates + row * 3 * units;
    ptrdiff_t at = row * units;
    EACH(units, {
      vf factor = v_load_n(r + e, N), d = v_load_n(d_reset + at + e, N);
      v_store_n(r + e, d * v_load_n(seen + at + e, N) * factor * (1.0f - factor), N);
      v_store_n(d_seen + at + e, d * factor, N);
    })
  })
}
