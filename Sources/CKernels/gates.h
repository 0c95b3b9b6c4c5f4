// The gates of the three cells and their derivatives, some vectors of units at a time.
//
// Functions of several rows come one after the other: each alone is a long chain, and those of two rows fill the time.

// Hochreiter & Schmidhuber 1997 as in torch.nn.LSTM: c' = f·c + i·g, h = o·tanh(c').
RK_INLINE void lstm_gates(const int MR, const int part, vf acc[][4], const rk_layer *l, float *gates, const float *c_in,
                          float *c_out, float *h) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  UNROLL for (int r = 0; r < MR; r++) {
    acc[r][0] = v_sigmoid(acc[r][0]);
    acc[r][1] = v_sigmoid(acc[r][1]);
    acc[r][2] = v_tanh(acc[r][2]);
    acc[r][3] = v_sigmoid(acc[r][3]);
    if (l->keep)
      UNROLL for (int g = 0; g < 4; g++) rows_store(gates + g * units, stride, r, acc[r][g], part);
  }
  UNROLL for (int r = 0; r < MR; r++) {
    vf i = acc[r][0], f = acc[r][1], g = acc[r][2];
    vf c = c_in ? v_fma(f, rows_load(c_in, units, r, part), i * g) : i * g;
    rows_store(c_out, units, r, c, part);
    rows_store(h, l->output_stride, r, acc[r][3] * v_tanh(c), part);
  }
}

// The gates i f g o become their gradients; returns that of the c before, where there was one.
RK_INLINE vf lstm_derivatives(vf gate[4], vf dh, vf before, const int was_there, vf c, vf dc) {
  vf i = gate[0], f = gate[1], g = gate[2], o = gate[3], tc = v_tanh(c);
  vf d = v_fma(dh * o, 1.0f - tc * tc, dc);
  gate[0] = d * g * i * (1.0f - i);
  gate[1] = was_there ? d * before * f * (1.0f - f) : v_set(0);
  gate[2] = d * i * (1.0f - g * g);
  gate[3] = dh * tc * o * (1.0f - o);
  return d * f;
}

// One row, or two where `part` is TWO.
RK_INLINE void lstm_gates_back(vf dh, const rk_layer *l, float *gates, const int part, const float *c_in, const float *c,
                               float *dc) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf gate[4], before = c_in ? rows_load(c_in, units, 0, part) : v_set(0);
  UNROLL for (int g = 0; g < 4; g++) gate[g] = rows_load(gates + g * units, stride, 0, part);
  vf to = lstm_derivatives(gate, dh, before, c_in != 0, rows_load(c, units, 0, part), rows_load(dc, units, 0, part));
  UNROLL for (int g = 0; g < 4; g++) rows_store(gates + g * units, stride, 0, gate[g], part);
  rows_store(dc, units, 0, to, part);
}

// Cho et al. 2014 as in torch.nn.GRU, the reset gate after the recurrent product: n = tanh(x_n + r·m), h' = (1 - z)·n + z·h.
// `acc` has r, z and m of MR rows, or pairs of rows.
RK_INLINE void gru_gates(const int MR, const int part, vf acc[][4], const rk_layer *l, float *gates, const float *h_in,
                         ptrdiff_t h_stride, float *h) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  UNROLL for (int r = 0; r < MR; r++) {
    acc[r][0] = v_sigmoid(acc[r][0]);
    acc[r][1] = v_sigmoid(acc[r][1]);
    rows_store(gates + units, stride, r, acc[r][0], part);
    rows_store(gates + 2 * units, stride, r, acc[r][1], part);
    rows_store(gates + 3 * units, stride, r, acc[r][2], part);
  }
  UNROLL for (int r = 0; r < MR; r++) {
    vf z = acc[r][1], n = v_tanh(v_fma(acc[r][0], acc[r][2], rows_load(gates, stride, r, part)));
    rows_store(gates, stride, r, n, part);
    rows_store(h, l->output_stride, r, h_in ? v_fma(z, rows_load(h_in, h_stride, r, part) - n, n) : n - z * n, part);
  }
}

// Leaves n r z m gradients behind and returns the part of dh that goes straight to the step before.
RK_INLINE vf gru_gates_back(vf dh, const rk_layer *l, float *gates, const int part, const float *h_in, ptrdiff_t h_stride) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf n = rows_load(gates, stride, 0, part), r = rows_load(gates + units, stride, 0, part);
  vf z = rows_load(gates + 2 * units, stride, 0, part), m = rows_load(gates + 3 * units, stride, 0, part);
  vf dn = dh * (1.0f - z) * (1.0f - n * n);
  vf h = h_in ? rows_load(h_in, h_stride, 0, part) : v_set(0);
  rows_store(gates, stride, 0, dn, part);
  rows_store(gates + units, stride, 0, dn * m * r * (1.0f - r), part);
  rows_store(gates + 2 * units, stride, 0, dh * (h - n) * z * (1.0f - z), part);
  rows_store(gates + 3 * units, stride, 0, dn * r, part);
  return dh * z;
}
