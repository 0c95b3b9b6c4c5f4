// The gates of one time step, one thread for each (row, unit). B rows, H units; weights' products were added up before.
//
// Gates lie as PyTorch orders them: i f g o (LSTM), r z n (GRU). Forward leaves activated gates behind, backward their gradients.
// `lengths` [B] is null where all sequences are as long: a row past its end has the state zero and no gradients.

GPU_DEVICE bool is_past(const int *lengths, int row, int time) { return lengths && time >= lengths[row]; }

// -- one unit of one row ------------------------------------------------------------------------------------------------

// Hochreiter & Schmidhuber 1997 as in torch.nn.LSTM: c' = f·c + i·g, h = o·tanh(c'). Activates the four gates in place.
GPU_DEVICE float lstm_unit(float *gates, float before, float *cell) {
  gates[0] = sigmoid(gates[0]);
  gates[1] = sigmoid(gates[1]);
  gates[2] = tanhf(gates[2]);
  gates[3] = sigmoid(gates[3]);
  *cell = gpu_fma(gates[1], before, gates[0] * gates[2]);
  return gates[3] * tanhf(*cell);
}
// Turns activated gates into their gradients; d_cell goes from this step to the one before.
GPU_DEVICE void lstm_unit_back(float *gates, float before, float cell, float dh, float *d_cell) {
  float in = gates[0], forget = gates[1], fresh = gates[2], out = gates[3], t = tanhf(cell);
  float d = gpu_fma(dh * out, 1 - t * t, *d_cell);
  gates[0] = d * fresh * in * (1 - in);
  gates[1] = d * before * forget * (1 - forget);
  gates[2] = d * in * (1 - fresh * fresh);
  gates[3] = dh * t * out * (1 - out);
  *d_cell = d * forget;
}

// Cho et al. 2014 as in torch.nn.GRU, the reset gate after the recurrent product: n = tanh(x_n + r·m), h' = (1 - z)·n + z·h.
// x: the input's products, activated in place; m: the recurrent products of r, z, n.
GPU_DEVICE float gru_unit(float *x, const float *m, float before) {
  x[0] = sigmoid(x[0] + m[0]);
  x[1] = sigmoid(x[1] + m[1]);
  x[2] = tanhf(gpu_fma(x[0], m[2], x[2]));
  return gpu_fma(x[1], before - x[2], x[2]);
}
// Leaves the gradients of the input's products in gates and those of the recurrent products in m, which held W_hn·h + b_hn at 2.
// Returns the part of dh that goes straight to the step before.
GPU_DEVICE float gru_unit_back(float *gates, float *m, float before, float dh) {
  float reset = gates[0], update = gates[1], fresh = gates[2], dn = dh * (1 - update) * (1 - fresh * fresh);
  gates[0] = m[0] = dn * m[2] * reset * (1 - reset);
  gates[1] = m[1] = dh * (before - fresh) * update * (1 - update);
  gates[2] = dn;
  m[2] = dn * reset;
  return dh * update;
}

// h' = tanh(a) or relu(a).
GPU_DEVICE float rnn_unit(float a, int relu) { return relu ? (a < 0 ? 0 : a) : tanhf(a); }
GPU_DEVICE float rnn_unit_back(float h, float dh, int relu) { return relu ? (h > 0 ? dh : 0) : dh * (1 - h * h); }

// A unit's gates, `hidden` apart in memory, with their biases.
template <int COUNT>
GPU_DEVICE void load_gates(float *a, const float *gates, const float *bias, const float *other, int unit, int hidden) {
  for (int k = 0; k < COUNT; k++) {
    a[k] = gates[k * hidden];
    if (bias) a[k] += bias[k * hidden + unit];
    if (other) a[k] += other[k * hidden + unit];
  }
}
template <int COUNT> GPU_DEVICE void store_gates(float *gates, const float *a, int hidden) {
  for (int k = 0; k < COUNT; k++) gates[k * hidden] = a[k];
}

#ifndef UNITS_ONLY
// -- one step of a batch ------------------------------------------------------------------------------------------------

// gates [B, 4H], c_before (or null for zero) and c [B, H], h [B, h_stride]; biases [4H] or null.
GPU_KERNEL lstm_forward(float *gates, const float *GPU_OPTIONAL bias_input, const float *GPU_OPTIONAL bias_recurrent,
                        const float *GPU_OPTIONAL c_before, float *c, float *h, int h_stride, int batch, int hidden,
                        const int *GPU_OPTIONAL lengths, int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  if (is_past(lengths, row, time)) {
    c[index] = h[(long long)row * h_stride + unit] = 0;
    return;
  }
  float *g = gates + (long long)row * 4 * hidden + unit, a[4];
  load_gates<4>(a, g, bias_input, bias_recurrent, unit, hidden);
  h[(long long)row * h_stride + unit] = lstm_unit(a, c_before ? c_before[index] : 0, &c[index]);
  store_gates<4>(g, a, hidden);
}

// d_out [B, d_stride] is the gradient of h from above, d_hidden [B, H] the one from the previous step, as is d_cell, which
// goes on to the next; the last step starts with neither.
GPU_KERNEL lstm_backward(float *gates, const float *GPU_OPTIONAL c_before, const float *c, const float *d_out, int d_stride,
                         const float *d_hidden, float *d_cell, int batch, int hidden, int start, const int *GPU_OPTIONAL lengths,
                         int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 4 * hidden + unit, a[4] = {0, 0, 0, 0};
  if (is_past(lengths, row, time)) {
    d_cell[index] = 0;
    store_gates<4>(g, a, hidden);
    return;
  }
  load_gates<4>(a, g, 0, 0, unit, hidden);
  float dh = d_out[(long long)row * d_stride + unit] + (start ? 0 : d_hidden[index]), dc = start ? 0 : d_cell[index];
  lstm_unit_back(a, c_before ? c_before[index] : 0, c[index], dh, &dc);
  d_cell[index] = dc;
  store_gates<4>(g, a, hidden);
}

// gates [B, 3H] hold the input's product, recurrent [B, 3H] that of h_before (nothing where h_before is null); W_hn·h + b_hn is left
// in the third block of recurrent.
GPU_KERNEL gru_forward(float *gates, float *recurrent, const float *GPU_OPTIONAL bias_input,
                       const float *GPU_OPTIONAL bias_recurrent, const float *GPU_OPTIONAL h_before, float *h, int h_stride,
                       int batch, int hidden, const int *GPU_OPTIONAL lengths, int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  long long at = (long long)row * h_stride + unit;
  if (is_past(lengths, row, time)) {
    h[at] = 0;
    return;
  }
  float *g = gates + (long long)row * 3 * hidden + unit, *p = recurrent + (long long)row * 3 * hidden + unit;
  float x[3], m[3] = {0, 0, 0};
  load_gates<3>(x, g, bias_input, 0, unit, hidden);
  for (int k = 0; k < 3; k++) {
    if (h_before) m[k] = p[k * hidden];
    if (bias_recurrent) m[k] += bias_recurrent[k * hidden + unit];
  }
  h[at] = gru_unit(x, m, h_before ? h_before[at] : 0);
  store_gates<3>(g, x, hidden);
  p[2 * hidden] = m[2];
}

// Leaves in d_hidden the part of dh that goes straight to the step before; the recurrent product is added to it afterwards.
GPU_KERNEL gru_backward(float *gates, float *recurrent, const float *GPU_OPTIONAL h_before, int h_stride, const float *d_out,
                        int d_stride, float *d_hidden, int batch, int hidden, int start, const int *GPU_OPTIONAL lengths,
                        int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 3 * hidden + unit, *p = recurrent + (long long)row * 3 * hidden + unit;
  float x[3] = {0, 0, 0}, m[3] = {0, 0, 0};
  if (is_past(lengths, row, time)) {
    d_hidden[index] = 0;
    store_gates<3>(g, x, hidden);
    store_gates<3>(p, m, hidden);
    return;
  }
  m[2] = p[2 * hidden];
  load_gates<3>(x, g, 0, 0, unit, hidden);
  float dh = d_out[(long long)row * d_stride + unit] + (start ? 0 : d_hidden[index]);
  d_hidden[index] = gru_unit_back(x, m, h_before ? h_before[(long long)row * h_stride + unit] : 0, dh);
  store_gates<3>(g, x, hidden);
  store_gates<3>(p, m, hidden);
}

// gates [B, H] are read once, backward writes their gradients there.
GPU_KERNEL rnn_forward(const float *gates, const float *GPU_OPTIONAL bias_input, const float *GPU_OPTIONAL bias_recurrent, float *h,
                       int h_stride, int batch, int hidden, int relu, const int *GPU_OPTIONAL lengths, int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float a;
  load_gates<1>(&a, gates + index, bias_input, bias_recurrent, unit, hidden);
  h[(long long)row * h_stride + unit] = is_past(lengths, row, time) ? 0 : rnn_unit(a, relu);
}

GPU_KERNEL rnn_backward(float *gates, const float *h, int h_stride, const float *d_out, int d_stride, const float *d_hidden,
                        int batch, int hidden, int relu, int start, const int *GPU_OPTIONAL lengths, int time) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  if (is_past(lengths, row, time)) {
    gates[index] = 0;
    return;
  }
  float dh = d_out[(long long)row * d_stride + unit] + (start ? 0 : d_hidden[index]);
  gates[index] = rnn_unit_back(h[(long long)row * h_stride + unit], dh, relu);
}
#endif
