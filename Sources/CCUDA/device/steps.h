// One time step of a layer with options: projection, layer norm, recurrent dropout, zoneout, learned or given initial states. One thread
// for each (row, unit). B rows, H units of the cell, P outputs (P = H without projection).
//
// A row is past its end from step lengths[row] on (see cells.h): its states are zero and its gates have no gradient. Going back
// in time, it begins at the last step before.

// Whether a row starts from the initial state in this step.
GPU_DEVICE bool begins(const float *before, const int *lengths, int row, int time, int reverse) {
  return !before || (reverse && lengths && time + 1 == lengths[row]);
}
// The state it starts from: of the previous step, or the initial one, where null is zero. A stride of 0 is one state for all rows.
GPU_DEVICE float state_before(const float *before, int stride, const float *initial, int initial_stride, const int *lengths,
                              int time, int reverse, int row, int unit) {
  if (!begins(before, lengths, row, time, reverse)) return before[(long long)row * stride + unit];
  return initial ? initial[(long long)row * initial_stride + unit] : 0;
}

#define BEFORE const float *GPU_OPTIONAL before, int stride, const float *GPU_OPTIONAL initial, int initial_stride
#define STEP const int *GPU_OPTIONAL lengths, int time, int reverse, int batch
#define START_UNIT(width)                          \
  long long index = gpu_index();                   \
  if (index >= (long long)batch * (width)) return; \
  int row = (int)(index / (width)), unit = (int)(index % (width))
#define OLD state_before(before, stride, initial, initial_stride, lengths, time, reverse, row, unit)

// A mask [steps, batch, width], drawn as `dropout` draws: `dropped` where the unit's random word is below threshold, else `kept`.
GPU_KERNEL draw_mask(float *y, const step_control *control, const int *samples, unsigned layer, unsigned long long threshold,
                     float dropped, float kept, int steps, int batch, int width) {
  int quads = (width + 3) / 4;
  long long index = gpu_index();
  if (index >= (long long)steps * batch * quads) return;
  int quad = (int)(index % quads);
  long long row = index / quads;
  unsigned words[4] = {(unsigned)quad, (unsigned)(row / batch), (unsigned)samples[row % batch], layer};
  philox(words, control->seed ^ (control->step * 0x9E3779B97F4A7C15ull));
  for (int j = 0; j < 4 && 4 * quad + j < width; j++) y[row * width + 4 * quad + j] = words[j] < threshold ? dropped : kept;
}

// seen [B, P]: what the recurrent product reads; mask [B, P] may be null.
GPU_KERNEL mask_state(BEFORE, const float *GPU_OPTIONAL mask, float *seen, STEP, int width) {
  START_UNIT(width);
  float h = is_past(lengths, row, time) ? 0 : OLD;
  seen[index] = mask ? h * mask[index] : h;
}
// carried [B, P] += d·mask.
GPU_KERNEL mask_state_back(const float *d, const float *mask, float *carried, long long count) {
  long long index = gpu_index();
  if (index < count) carried[index] = gpu_fma(d[index], mask[index], carried[index]);
}

// c' = f·c + i·g; product [B, 4H], added to the gates before, and biases may be null.
GPU_KERNEL lstm_cells(float *gates, const float *GPU_OPTIONAL product, const float *GPU_OPTIONAL bias_input,
                      const float *GPU_OPTIONAL bias_recurrent, BEFORE, float *c, STEP, int hidden) {
  START_UNIT(hidden);
  if (is_past(lengths, row, time)) {
    c[index] = 0;
    return;
  }
  long long at = (long long)row * 4 * hidden + unit;
  float a[4], now;
  load_gates<4>(a, gates + at, bias_input, bias_recurrent, unit, hidden);
  if (product)
    for (int k = 0; k < 4; k++) a[k] += product[at + k * hidden];
  lstm_unit(a, OLD, &now);
  c[index] = now;
  store_gates<4>(gates + at, a, hidden);
}
// out [B, out_stride] = o·tanh(read), the tanh left in `squashed`; then c is mixed with the state before by `zone` [B, H], if given.
GPU_KERNEL lstm_output(const float *gates, const float *read, float *squashed, BEFORE, float *c, const float *GPU_OPTIONAL zone,
                       float *out, int out_stride, STEP, int hidden) {
  START_UNIT(hidden);
  bool past = is_past(lengths, row, time);
  float t = past ? 0 : tanhf(read[index]);
  squashed[index] = t;
  out[(long long)row * out_stride + unit] = past ? 0 : gates[(long long)row * 4 * hidden + 3 * hidden + unit] * t;
  if (zone && !past) c[index] = gpu_fma(zone[index], OLD - c[index], c[index]);
}
// From dh [B, H]: the gradient of o in its place, and in `squashed` that of what tanh read.
GPU_KERNEL lstm_output_back(float *gates, float *squashed, const float *dh, STEP, int hidden) {
  START_UNIT(hidden);
  float *o = gates + (long long)row * 4 * hidden + 3 * hidden + unit, out = *o, t = squashed[index], d = dh[index];
  bool past = is_past(lengths, row, time);
  squashed[index] = past ? 0 : d * out * (1 - t * t);
  *o = past ? 0 : d * t * out * (1 - out);
}
// From s [B, H], the gradient of the new c but for what later steps carry (dc): gradients of i f g in their place, of the c before in dc.
GPU_KERNEL lstm_cells_back(float *gates, const float *s, float *dc, BEFORE, const float *GPU_OPTIONAL zone, int start, STEP,
                           int hidden) {
  START_UNIT(hidden);
  float *g = gates + (long long)row * 4 * hidden + unit, later = start ? 0 : dc[index];
  if (is_past(lengths, row, time)) {
    const float none[3] = {0, 0, 0};
    store_gates<3>(g, none, hidden);
    dc[index] = later;
    return;
  }
  float kept = zone ? later * zone[index] : 0, d = s[index] + (later - kept);
  float in = g[0], forget = g[hidden], fresh = g[2 * hidden];
  g[0] = d * fresh * in * (1 - in);
  g[hidden] = d * OLD * forget * (1 - forget);
  g[2 * hidden] = d * in * (1 - fresh * fresh);
  dc[index] = gpu_fma(d, forget, kept);
}

// As gru_unit. product [B, 3H]: the recurrent product's, to which its bias is added at n; or null where r and z have it already
// and `normed` [B, H] is what r multiplies.
GPU_KERNEL gru_step(float *gates, float *GPU_OPTIONAL product, const float *GPU_OPTIONAL normed,
                    const float *GPU_OPTIONAL bias_input, const float *GPU_OPTIONAL bias_recurrent, BEFORE, float *out,
                    int out_stride, STEP, int hidden) {
  START_UNIT(hidden);
  long long at = (long long)row * 3 * hidden + unit, to = (long long)row * out_stride + unit;
  if (is_past(lengths, row, time)) {
    out[to] = 0;
    return;
  }
  float x[3], m[3] = {0, 0, 0};
  load_gates<3>(x, gates + at, bias_input, 0, unit, hidden);
  if (product) {
    load_gates<3>(m, product + at, bias_recurrent, 0, unit, hidden);
    product[at + 2 * hidden] = m[2];
  } else m[2] = normed[index];
  out[to] = gru_unit(x, m, OLD);
  store_gates<3>(gates + at, x, hidden);
}
// Gradients of the gates in their place and of what the recurrent product gave in d [B, 3H]; what goes straight to the step before is
// added to carried. m is what the reset gate multiplied.
GPU_KERNEL gru_step_back(float *gates, const float *m, int m_stride, const float *dh, BEFORE, float *d, float *carried, STEP,
                         int hidden) {
  START_UNIT(hidden);
  float *g = gates + (long long)row * 3 * hidden + unit, *p = d + (long long)row * 3 * hidden + unit;
  float x[3] = {0, 0, 0}, r[3] = {0, 0, 0};
  if (!is_past(lengths, row, time)) {
    load_gates<3>(x, g, 0, 0, unit, hidden);
    r[2] = m[(long long)row * m_stride + unit];
    carried[index] += gru_unit_back(x, r, OLD, dh[index]);
  }
  store_gates<3>(g, x, hidden);
  store_gates<3>(p, r, hidden);
}

// gates [B, H]; product may be null.
GPU_KERNEL rnn_step(const float *gates, const float *GPU_OPTIONAL product, const float *GPU_OPTIONAL bias_input,
                    const float *GPU_OPTIONAL bias_recurrent, float *out, int out_stride, STEP, int hidden, int relu) {
  START_UNIT(hidden);
  float a;
  load_gates<1>(&a, gates + index, bias_input, bias_recurrent, unit, hidden);
  if (product) a += product[index];
  out[(long long)row * out_stride + unit] = is_past(lengths, row, time) ? 0 : rnn_unit(a, relu);
}
GPU_KERNEL rnn_step_back(float *gates, const float *out, int out_stride, const float *dh, STEP, int hidden, int relu) {
  START_UNIT(hidden);
  float h = out[(long long)row * out_stride + unit];
  gates[index] = is_past(lengths, row, time) ? 0 : rnn_unit_back(h, dh[index], relu);
}

// h [B, h_stride] = x + zone·(the state before - x) for x, zone [B, P].
GPU_KERNEL apply_zoneout(const float *x, BEFORE, const float *zone, float *h, int h_stride, STEP, int width) {
  START_UNIT(width);
  h[(long long)row * h_stride + unit] = is_past(lengths, row, time) ? 0 : gpu_fma(zone[index], OLD - x[index], x[index]);
}
// The gradient of an output, from above and from what later steps carry: of the cell's own in `own`, of the state before in `carried`.
// zone may be null. What a row carries past its end is left alone: going back in time it belongs to the initial state.
GPU_KERNEL apply_zoneout_back(const float *d_out, int d_stride, const float *GPU_OPTIONAL zone, float *carried, float *own,
                              int start, STEP, int width) {
  START_UNIT(width);
  float later = start ? 0 : carried[index];
  bool past = is_past(lengths, row, time);
  float d = later + (past ? 0 : d_out[(long long)row * d_stride + unit]), kept = zone ? d * zone[index] : 0;
  carried[index] = past ? later : kept;
  own[index] = past ? 0 : d - kept;
}

#undef BEFORE
#undef STEP
#undef START_UNIT
#undef OLD
