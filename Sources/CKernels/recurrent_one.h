// A step of one row of LSTM and GRU: a sequence alone, or the longest of a batch.
//
// It takes as long as its weights take to come, where a larger batch would multiply. So two panels of units are read at a time, each
// with the whole inner product, and each step goes through them the other way than the one before: of weights that are as large as
// the second-level cache, most are then still there. The bits are those of the row among others.

// The `i`-th pair of panels of step s, of so many panels.
RK_INLINE ptrdiff_t pair_at(const rk_span *s, ptrdiff_t i, ptrdiff_t panels) { return s->i & 1 ? (panels - 1) / 2 * 2 - i : i; }

static void RK(lstm_one)(const rk_layer *l, const rk_span *s, const float *h) {
  ptrdiff_t units = l->units, hidden = INNER(l->hidden), at = s->at + s->first, panels = (units + VW - 1) / VW,
            size = hidden * 4 * VW;
  float *gates = l->gates + at * l->gate_stride, *c = l->cells + at * units, *out = l->outputs + at * l->output_stride;
  const float *c_in = s->c ? s->c + s->first * units : 0;
  for (ptrdiff_t i = 0; i < panels; i += 2) {
    ptrdiff_t u = pair_at(s, i, panels) * VW;
    const float *panel = l->weights + u / VW * size;
    if (u + 2 * VW <= units) {
      vf acc[2][4];
  UNROLL for (int p = 0; p < 2; p++)
        UNROLL for (int g = 0; g < 4; g++) acc[p][g] = v_load(gates + g * units + u + p * VW);
      tile_multiply_one(4, acc, (int)hidden, h, panel, size, 4 * VW);
      UNROLL for (int p = 0; p < 2; p++, u += VW) lstm_gates(1, 0, acc + p, l, gates + u, c_in ? c_in + u : 0, c + u, out + u);
      continue;
    }
    for (; u < units; u += VW, panel += size) {
      rk_run run = {.h = h, .c = c_in ? c_in + u : 0, .panel = panel, .depth = hidden, .first = 1, .last = 1};
      if (u + VW <= units) lstm_tile(1, 0, l, &run, gates + u, c + u, out + u);
      else lstm_tile(1, 1, l, &run, gates + u, c + u, out + u);
    }
  }
}

static void RK(gru_one)(const rk_layer *l, const rk_span *s, const float *h) {
  ptrdiff_t units = l->units, hidden = INNER(l->hidden), at = s->at + s->first, panels = (units + VW - 1) / VW, size = hidden * 3 * VW;
  float *gates = l->gates + at * l->gate_stride, *out = l->outputs + at * l->output_stride;
  const float *h_units = s->h + s->first * s->h_stride;
  for (ptrdiff_t i = 0; i < panels; i += 2) {
    ptrdiff_t u = pair_at(s, i, panels) * VW;
    const float *panel = l->weights + u / VW * size;
    if (u + 2 * VW <= units) {
      vf acc[2][4];
      UNROLL for (int p = 0; p < 2; p++) {
        UNROLL for (int g = 0; g < 2; g++) acc[p][g] = v_load(gates + (g + 1) * units + u + p * VW);
        acc[p][2] = v_load(l->bias_m + u + p * VW);
      }
      tile_multiply_one(3, acc, (int)hidden, h, panel, size, 3 * VW);
      UNROLL for (int p = 0; p < 2; p++, u += VW) gru_gates(1, 0, acc + p, l, gates + u, h_units + u, s->h_stride, out + u);
      continue;
    }
    for (; u < units; u += VW, panel += size) {
      rk_run run = {.h = h, .panel = panel, .depth = hidden, .first = 1, .last = 1};
      const float *bias = l->bias_m + u;
      if (u + VW <= units) gru_tile(1, 0, l, &run, gates + u, bias, out + u, h_units + u, s->h_stride);
      else gru_tile(1, 1, l, &run, gates + u, bias, out + u, h_units + u, s->h_stride);
    }
  }
}
