// The gates of one time step, one thread for each (row, unit). B rows, H units; weights' products were added up before.
//
// Gates lie as PyTorch orders them: i f g o (LSTM), r z n (GRU). Forward leaves activated gates behind, backward their gradients.

// Hochreiter & Schmidhuber 1997 as in torch.nn.LSTM: c' = f·c + i·g, h = o·tanh(c').
// gates [B, 4H], c_before (or null for zero) and c [B, H], h [B, h_stride]; biases [4H] or null.
GPU_KERNEL lstm_forward(float *gates, const float *bias_input, const float *bias_recurrent, const float *c_before,
                        float *c, float *h, int h_stride, int batch, int hidden) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 4 * hidden + unit, a[4];
  for (int k = 0; k < 4; k++) {
    a[k] = g[k * hidden];
    if (bias_input) a[k] += bias_input[k * hidden + unit] + bias_recurrent[k * hidden + unit];
  }
  float in = sigmoid(a[0]), forget = sigmoid(a[1]), fresh = tanhf(a[2]), out = sigmoid(a[3]);
  float cell = c_before ? gpu_fma(forget, c_before[index], in * fresh) : in * fresh;
  c[index] = cell;
  h[(long long)row * h_stride + unit] = out * tanhf(cell);
  g[0] = in;
  g[hidden] = forget;
  g[2 * hidden] = fresh;
  g[3 * hidden] = out;
}

// d_out [B, d_stride] is the gradient of h from above (or null), d_hidden [B, H] the one from the step walked before, as is
// d_cell, which goes on to the next; the walk starts with neither.
GPU_KERNEL lstm_backward(float *gates, const float *c_before, const float *c, const float *d_out, int d_stride,
                         const float *d_hidden, float *d_cell, int batch, int hidden, int start) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 4 * hidden + unit;
  float in = g[0], forget = g[hidden], fresh = g[2 * hidden], out = g[3 * hidden];
  float dh = (d_out ? d_out[(long long)row * d_stride + unit] : 0) + (start ? 0 : d_hidden[index]);
  float t = tanhf(c[index]);
  float d = gpu_fma(dh * out, 1 - t * t, start ? 0 : d_cell[index]);
  g[0] = d * fresh * in * (1 - in);
  g[hidden] = c_before ? d * c_before[index] * forget * (1 - forget) : 0;
  g[2 * hidden] = d * in * (1 - fresh * fresh);
  g[3 * hidden] = dh * t * out * (1 - out);
  d_cell[index] = d * forget;
}

// Cho et al. 2014 as in torch.nn.GRU, the reset gate behind the recurrent product: n = tanh(x_n + r·m), h' = (1 - z)·n + z·h.
// gates [B, 3H] hold the input's product, recurrent [B, 3H] that of h_before (nothing where h_before is null); m is left in the
// third block of recurrent.
GPU_KERNEL gru_forward(float *gates, float *recurrent, const float *bias_input, const float *bias_recurrent,
                       const float *h_before, float *h, int h_stride, int batch, int hidden) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 3 * hidden + unit, *p = recurrent + (long long)row * 3 * hidden + unit;
  float x[3], m[3];
  for (int k = 0; k < 3; k++) {
    x[k] = g[k * hidden];
    m[k] = h_before ? p[k * hidden] : 0;
    if (bias_input) {
      x[k] += bias_input[k * hidden + unit];
      m[k] += bias_recurrent[k * hidden + unit];
    }
  }
  float reset = sigmoid(x[0] + m[0]), update = sigmoid(x[1] + m[1]), fresh = tanhf(gpu_fma(reset, m[2], x[2]));
  float before = h_before ? h_before[(long long)row * h_stride + unit] : 0;
  h[(long long)row * h_stride + unit] = gpu_fma(update, before - fresh, fresh);
  g[0] = reset;
  g[hidden] = update;
  g[2 * hidden] = fresh;
  p[2 * hidden] = m[2];
}

// Leaves the gradients of the input's products in gates, those of the recurrent products in recurrent, and in d_hidden the part of
// dh that goes straight to the step before; the recurrent product is added to it afterwards.
GPU_KERNEL gru_backward(float *gates, float *recurrent, const float *h_before, int h_stride, const float *d_out,
                        int d_stride, float *d_hidden, int batch, int hidden, int start) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float *g = gates + (long long)row * 3 * hidden + unit, *p = recurrent + (long long)row * 3 * hidden + unit;
  float reset = g[0], update = g[hidden], fresh = g[2 * hidden], m = p[2 * hidden];
  float dh = (d_out ? d_out[(long long)row * d_stride + unit] : 0) + (start ? 0 : d_hidden[index]);
  float before = h_before ? h_before[(long long)row * h_stride + unit] : 0;
  float dn = dh * (1 - update) * (1 - fresh * fresh);
  g[0] = p[0] = dn * m * reset * (1 - reset);
  g[hidden] = p[hidden] = dh * (before - fresh) * update * (1 - update);
  g[2 * hidden] = dn;
  p[2 * hidden] = dn * reset;
  d_hidden[index] = dh * update;
}

// h' = tanh(a) or relu(a); gates [B, H] are read once, backward writes their gradients there.
GPU_KERNEL rnn_forward(const float *gates, const float *bias_input, const float *bias_recurrent, float *h, int h_stride,
                       int batch, int hidden, int relu) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float a = gates[index];
  if (bias_input) a += bias_input[unit] + bias_recurrent[unit];
  h[(long long)row * h_stride + unit] = relu ? (a < 0 ? 0 : a) : tanhf(a);
}

GPU_KERNEL rnn_backward(float *gates, const float *h, int h_stride, const float *d_out, int d_stride,
                        const float *d_hidden, int batch, int hidden, int relu, int start) {
  long long index = gpu_index();
  if (index >= (long long)batch * hidden) return;
  int row = (int)(index / hidden), unit = (int)(index % hidden);
  float y = h[(long long)row * h_stride + unit];
  float dh = (d_out ? d_out[(long long)row * d_stride + unit] : 0) + (start ? 0 : d_hidden[index]);
  gates[index] = relu ? (y > 0 ? dh : 0) : dh * (1 - y * y);
}
