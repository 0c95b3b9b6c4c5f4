// The recurrent layers of a tile: some rows of the batch, all steps and directions, everything in the block's shared memory.
//
// Rows do not depend on one another, so a block needs nothing from the others before gradients are added up. Rows of weights are
// padded to odd lengths: threads of neighbouring units read other banks, along a row and across rows.

// The elements thread, thread + threads, … of a matrix, with one division for all of them.
struct Sweep {
  int row, column, columns, rows_on, columns_on;
};
GPU_DEVICE Sweep sweep(int columns) {
  return {gpu_thread() / columns, gpu_thread() % columns, columns, gpu_threads() / columns, gpu_threads() % columns};
}
GPU_DEVICE void advance(Sweep &s) {
  s.row += s.rows_on;
  s.column += s.columns_on;
  if (s.column >= s.columns) {
    s.column -= s.columns;
    s.row++;
  }
}
#define SWEEP(at, rows, columns) for (Sweep at = sweep(columns); at.row < (rows); advance(at))

// One direction of a layer: its weights in shared memory [gates·H, width | 1], [gates·H, H | 1], two biases [gates·H], and where its
// parameters begin.
struct Weights {
  int width, input, input_pitch, recurrent, pitch, bias_input, bias_recurrent, parameters;
};
GPU_DEVICE Weights weights_of(const fused_shape &s, int gates, int layer, int direction) {
  int rows = gates * s.hidden, wide = s.directions * s.hidden;
  int first = rows * ((s.inputs | 1) + (s.hidden | 1) + 2), other = rows * ((wide | 1) + (s.hidden | 1) + 2);
  int first_count = rows * (s.inputs + s.hidden + 2 * s.biased), other_count = rows * (wide + s.hidden + 2 * s.biased);
  Weights w;
  int before = (layer - 1) * s.directions + direction;
  w.width = layer ? wide : s.inputs;
  w.input = s.weights + (layer ? s.directions * first + before * other : direction * first);
  w.parameters = layer ? s.directions * first_count + before * other_count : direction * first_count;
  w.input_pitch = w.width | 1;
  w.pitch = s.hidden | 1;
  w.recurrent = w.input + rows * w.input_pitch;
  w.bias_input = w.recurrent + rows * w.pitch;
  w.bias_recurrent = w.bias_input + rows;
  return w;
}

GPU_DEVICE void copy_rows(const float *from, float *to, int rows, int columns, int pitch) {
  SWEEP(at, rows, columns) to[at.row * pitch + at.column] = from[at.row * columns + at.column];
}

// Parameters into shared memory; biases that the network does not have are zero.
GPU_DEVICE void load_weights(const fused_shape &s, int gates, const float *parameters, float *memory) {
  int rows = gates * s.hidden;
  for (int layer = 0; layer < s.layers; layer++)
    for (int d = 0; d < s.directions; d++) {
      Weights w = weights_of(s, gates, layer, d);
      const float *p = parameters + w.parameters;
      copy_rows(p, memory + w.input, rows, w.width, w.input_pitch);
      p += rows * w.width;
      copy_rows(p, memory + w.recurrent, rows, s.hidden, w.pitch);
      p += rows * s.hidden;
      for (int e = gpu_thread(); e < 2 * rows; e += gpu_threads()) memory[w.bias_input + e] = s.biased ? p[e] : 0;
    }
}

// 0 or the scale, for a unit of a row: the masks of the kernel `dropout`.
GPU_DEVICE float mask(const step_control *control, unsigned long long threshold, float scale, unsigned layer, unsigned sample,
                      unsigned time, unsigned block, unsigned unit) {
  unsigned words[4] = {unit / 4 | block << 28, time, sample, layer};
  philox(words, control->seed ^ (control->step * 0x9E3779B97F4A7C15ull));
  unsigned k = unit % 4, word = k == 0 ? words[0] : k == 1 ? words[1] : k == 2 ? words[2] : words[3];
  return word < threshold ? 0 : scale;
}

// The same between two layers, for an element of [T, rows, D·H].
GPU_DEVICE float tile_mask(const fused_shape &s, const step_control *control, const int *samples, int layer, int rows,
                           const Sweep &at) {
  return mask(control, s.threshold, s.scale, layer, samples[at.row % rows], at.row / rows, at.column >= s.hidden,
              at.column % s.hidden);
}

// The input's products of all steps, with biases (of GRU only the input's).
template <int GATES>
GPU_DEVICE void project_tile(const fused_shape &s, float *memory, int layer, int rows, const float *x, float *gates) {
  int hidden = s.hidden, units = s.directions * hidden;
  SWEEP(at, s.steps * rows, units) {
    int d = at.column >= hidden, unit = at.column - d * hidden;
    Weights w = weights_of(s, GATES, layer, d);
    const float *v = x + at.row * w.width, *m = memory + w.input + unit * w.input_pitch;
    float sum[4] = {0, 0, 0, 0};
    for (int k = 0; k < w.width; k++)
      for (int gate = 0; gate < GATES; gate++) sum[gate] = gpu_fma(v[k], m[gate * hidden * w.input_pitch + k], sum[gate]);
    float *g = gates + (at.row * s.directions + d) * GATES * hidden + unit;
    for (int gate = 0; gate < GATES; gate++) {
      int j = gate * hidden + unit;
      g[gate * hidden] = sum[gate] + memory[w.bias_input + j] + (GATES == 3 ? 0 : memory[w.bias_recurrent + j]);
    }
  }
}

// All steps of a layer; gates are activated in place.
template <int GATES>
GPU_DEVICE void forward_tile(const fused_shape &s, float *memory, int layer, int rows, float *gates, float *saved, float *out) {
  int hidden = s.hidden, units = s.directions * hidden;
  Sweep start = sweep(units);
  for (int i = 0; i < s.steps; i++) {
    for (Sweep at = start; at.row < rows; advance(at)) {
      int d = at.column >= hidden, unit = at.column - d * hidden, time = d ? s.steps - 1 - i : i;
      Weights w = weights_of(s, GATES, layer, d);
      int here = (time * rows + at.row) * units + at.column, before = here + (d ? rows : -rows) * units;
      float a[4], m[4] = {0, 0, 0, 0}, h_before = 0, saved_before = 0;
      if (i > 0) {
        const float *h = out + before - unit, *v = memory + w.recurrent + unit * w.pitch;
        for (int k = 0; k < hidden; k++)
          for (int gate = 0; gate < GATES; gate++) m[gate] = gpu_fma(h[k], v[gate * hidden * w.pitch + k], m[gate]);
        h_before = h[unit];
        if (GATES == 4) saved_before = saved[before];
      }
      float *g = gates + (here - unit) * GATES + unit;
      load_gates<GATES>(a, g, 0, 0, unit, hidden);
      if (GATES == 3) {
        for (int k = 0; k < 3; k++) m[k] += memory[w.bias_recurrent + k * hidden + unit];
        out[here] = gru_unit(a, m, h_before);
        saved[here] = m[2];
      } else {
        for (int k = 0; k < GATES; k++) a[k] += m[k];
        out[here] = GATES == 4 ? lstm_unit(a, saved_before, &saved[here]) : rnn_unit(a[0], s.relu);
      }
      if (GATES > 1) store_gates<GATES>(g, a, hidden);
    }
    gpu_barrier();
  }
}

// Back-propagation through time: gates become their gradients (of GRU the input's; `saved` becomes the third of the recurrent product).
template <int GATES>
GPU_DEVICE void backward_tile(const fused_shape &s, float *memory, int layer, int rows, float *gates, float *saved,
                              const float *out, const float *d_out) {
  int hidden = s.hidden, units = s.directions * hidden;
  float *carry = memory + s.carry;
  Sweep start = sweep(units);
  for (int i = s.steps - 1; i >= 0; i--) {
    for (Sweep at = start; at.row < rows; advance(at)) {
      int d = at.column >= hidden, unit = at.column - d * hidden, time = d ? s.steps - 1 - i : i;
      Weights w = weights_of(s, GATES, layer, d);
      int step = (d ? -rows : rows) * units, here = (time * rows + at.row) * units + at.column, held = at.row * units + at.column;
      float dh = d_out[here], carried = 0;
      if (i + 1 < s.steps) {
        const float *later = gates + (here + step - unit) * GATES, *v = memory + w.recurrent + unit;
        float sum[4] = {0, 0, 0, 0};  // one for each gate: a single chain of additions would wait for itself
        for (int k = 0; k < hidden; k++)
          for (int gate = 0; gate < GATES; gate++) {
            float slope = GATES == 3 && gate == 2 ? saved[here + step - unit + k] : later[gate * hidden + k];
            sum[gate] = gpu_fma(slope, v[(gate * hidden + k) * w.pitch], sum[gate]);
          }
        dh += (sum[0] + sum[1]) + (sum[2] + sum[3]);
        carried = GATES > 1 ? carry[held] : 0;
      }
      float *g = gates + (here - unit) * GATES + unit, a[4];
      if (GATES > 1) load_gates<GATES>(a, g, 0, 0, unit, hidden);
      if (GATES == 4) {
        lstm_unit_back(a, i > 0 ? saved[here - step] : 0, saved[here], dh, &carried);
      } else if (GATES == 3) {
        float m[3] = {0, 0, saved[here]};
        carried = gru_unit_back(a, m, i > 0 ? out[here - step] : 0, dh + carried);
        saved[here] = m[2];
      } else a[0] = rnn_unit_back(out[here], dh, s.relu);
      if (GATES > 1) carry[held] = carried;
      store_gates<GATES>(g, a, hidden);
    }
    gpu_barrier();
  }
}

// The gradient of the outputs of the layer below.
template <int GATES>
GPU_DEVICE void input_gradient_tile(const fused_shape &s, float *memory, const step_control *control, const int *samples, int layer,
                                    int rows, const float *gates, float *dx) {
  int wide = s.directions * s.hidden, count = GATES * s.hidden;
  SWEEP(at, s.steps * rows, wide) {
    float sum[4] = {0, 0, 0, 0};
    for (int d = 0; d < s.directions; d++) {
      Weights w = weights_of(s, GATES, layer, d);
      const float *g = gates + (at.row * s.directions + d) * count, *v = memory + w.input + at.column;
      for (int k = 0; k < s.hidden; k++)
        for (int gate = 0; gate < GATES; gate++)
          sum[gate] = gpu_fma(g[gate * s.hidden + k], v[(gate * s.hidden + k) * w.input_pitch], sum[gate]);
    }
    float d = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    dx[at.row * wide + at.column] = s.threshold ? d * tile_mask(s, control, samples, layer - 1, rows, at) : d;
  }
}
