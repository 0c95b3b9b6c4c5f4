// Readout, head and loss of a tile, in shared memory.

// Rows that the head sees of a tile of `rows` samples.
GPU_DEVICE int head_rows(const fused_shape &s, int rows) { return s.readout == 3 ? s.steps * rows : rows; }

// x [T, rows, width] → what the head reads, [rows, …]. Every step is read where it lies.
GPU_DEVICE void read_tile(const fused_shape &s, int rows, const float *x, int width, float *y) {
  if (s.readout == 3) return;
  int taken = s.readout == 2 ? s.steps : 1;
  SWEEP(at, taken * rows, width) {
    int row = at.row % rows, step = s.readout == 2 ? at.row / rows : s.readout == 1 && at.column >= s.hidden ? 0 : s.steps - 1;
    y[(row * taken + at.row / rows) * width + at.column] = x[(step * rows + row) * width + at.column];
  }
}

// Its gradient, zero where nothing was read.
GPU_DEVICE void read_tile_back(const fused_shape &s, int rows, const float *dy, int width, float *dx) {
  SWEEP(at, s.steps * rows, width) {
    int row = at.row % rows, step = at.row / rows, place = row * width + at.column;
    bool was_read = step == (s.readout == 1 && at.column >= s.hidden ? 0 : s.steps - 1);
    if (s.readout == 3) place = at.row * width + at.column;
    if (s.readout == 2) place = (row * s.steps + step) * width + at.column;
    dx[at.row * width + at.column] = s.readout >= 2 || was_read ? dy[place] : 0;
  }
}

GPU_DEVICE float activation(float v, int kind) { return kind == 1 ? (v < 0 ? 0 : v) : kind == 2 ? tanhf(v) : sigmoid(v); }
GPU_DEVICE float activation_back(float y, int kind) { return kind == 1 ? (y > 0 ? 1 : 0) : kind == 2 ? 1 - y * y : y * (1 - y); }

// The parameters of the head into shared memory.
GPU_DEVICE void load_head(const fused_shape &s, const float *parameters, float *memory) {
  for (int i = 0, inputs = s.read_width; i < s.head_layers; inputs = s.head_widths[i++]) {
    if (s.head_kinds[i]) continue;
    int outputs = s.head_widths[i], bias = s.head_bias_parameters[i];
    float *w = memory + s.head_weights[i];
    copy_rows(parameters + s.head_weight_parameters[i], w, outputs, inputs, inputs | 1);
    for (int e = gpu_thread(); e < outputs; e += gpu_threads()) w[outputs * (inputs | 1) + e] = bias < 0 ? 0 : parameters[bias + e];
  }
}

// y [rows, outputs] = x·Wᵀ + b. Where there are few products, a warp shares each.
GPU_DEVICE void linear_tile(const float *x, const float *w, float *y, int rows, int inputs, int outputs) {
  int pitch = inputs | 1, all = rows * outputs;
  int lanes = all < gpu_threads() ? 32 : 1, lane = gpu_thread() % lanes;
  for (int e = gpu_thread() / lanes; e < all; e += gpu_threads() / lanes) {
    int row = e / outputs, output = e % outputs;
    float sum = 0;
    for (int k = lane; k < inputs; k += lanes) sum = gpu_fma(x[row * inputs + k], w[output * pitch + k], sum);
    for (int other = lanes / 2; other; other /= 2) sum += gpu_shuffle_xor(sum, other);
    if (lane == 0) y[e] = sum + w[outputs * pitch + output];
  }
}

// All layers of the head. Returns the output, [head rows, output_width].
GPU_DEVICE float *forward_head(const fused_shape &s, float *memory, const step_control *control, const int *samples, int rows,
                               bool trains) {
  float *x = memory + s.read;
  int all = head_rows(s, rows);
  for (int i = 0, inputs = s.read_width; i < s.head_layers; inputs = s.head_widths[i++]) {
    int kind = s.head_kinds[i], width = s.head_widths[i];
    float *y = memory + s.head_outputs[i];
    if (kind == 0) linear_tile(x, memory + s.head_weights[i], y, all, inputs, width);
    else SWEEP(at, all, width) {
        int e = at.row * width + at.column;
        if (kind < 4) y[e] = activation(x[e], kind);
        else if (!trains) y[e] = x[e];
        else
          y[e] = x[e] * mask(control, s.head_thresholds[i], s.head_scales[i], 0x80000000u + i, samples[at.row % rows],
                             at.row / rows, 0, at.column);
      }
    gpu_barrier();
    x = y;
  }
  return x;
}

// The gradients of a linear layer's parameters, added to `gradients` unless this is the first tile.
GPU_DEVICE void linear_gradients_tile(const fused_shape &s, int i, const float *one, const float *x, const float *dy, int rows,
                                      int inputs, float *gradients, bool is_first) {
  int outputs = s.head_widths[i], bias = s.head_bias_parameters[i];
  SWEEP(at, outputs, inputs + (bias < 0 ? 0 : 1)) {
    bool is_bias = at.column == inputs;
    const float *v = is_bias ? one : x + at.column;
    int pitch = is_bias ? 0 : inputs;
    float sum = 0;
    for (int row = 0; row < rows; row++) sum = gpu_fma(dy[row * outputs + at.row], v[row * pitch], sum);
    float *g = gradients + (is_bias ? bias + at.row : s.head_weight_parameters[i] + at.row * inputs + at.column);
    *g = is_first ? sum : *g + sum;
  }
}

// From the output's gradient, in d_head[0], to that of what the head read. Returns where that lies.
GPU_DEVICE float *backward_head(const fused_shape &s, float *memory, const step_control *control, const int *samples, int rows,
                                float *gradients, bool is_first) {
  float *dy = memory + s.d_head[0], *dx = memory + s.d_head[1];
  int all = head_rows(s, rows);
  for (int i = s.head_layers - 1; i >= 0; i--) {
    int kind = s.head_kinds[i], width = s.head_widths[i], inputs = i ? s.head_widths[i - 1] : s.read_width;
    const float *y = memory + s.head_outputs[i], *x = memory + (i ? s.head_outputs[i - 1] : s.read);
    if (kind) {
      SWEEP(at, all, width) {
        int e = at.row * width + at.column;
        dy[e] *= kind < 4 ? activation_back(y[e], kind)
                          : mask(control, s.head_thresholds[i], s.head_scales[i], 0x80000000u + i, samples[at.row % rows],
                                 at.row / rows, 0, at.column);
      }
    } else {
      linear_gradients_tile(s, i, memory + s.one, x, dy, all, inputs, gradients, is_first);
      const float *w = memory + s.head_weights[i];
      if (i || s.layers) SWEEP(at, all, inputs) {
          float sum = 0;
          for (int k = 0; k < width; k++) sum = gpu_fma(dy[at.row * width + k], w[k * (inputs | 1) + at.column], sum);
          dx[at.row * inputs + at.column] = sum;
        }
      float *other = dy;
      dy = dx;
      dx = other;
    }
    gpu_barrier();
  }
  return dy;
}

// Adds this thread's part of {loss, weight, right, counted} to sums and leaves the gradient of the loss's sum.
// target: the row of values or classes that belongs to row 0 of a step's samples.
struct Targets {
  const float *values;
  const int *classes;
  const float *class_weights;
  const int *samples;  // of the tile, where targets lie sample by sample; else null
  int first;           // row of the batch
};
GPU_DEVICE long long target_row(const fused_shape &s, const Targets &t, int row, int rows) {
  int step = row / rows, steps = s.readout == 3 ? s.steps : 1;
  return t.samples ? (long long)t.samples[row % rows] * steps + step : (long long)step * s.batch + t.first + row % rows;
}
GPU_DEVICE void loss_tile(const fused_shape &s, const Targets &t, const float *outputs, float *gradient, int rows, double *sums) {
  int all = head_rows(s, rows), width = s.output_width;
  if (s.loss == 4) {
    for (int row = gpu_thread() / 32; row < all; row += gpu_threads() / 32) {
      double p[4];
      class_loss(outputs + row * width, t.classes[target_row(s, t, row, rows)], t.class_weights, gradient + row * width, p, width,
                 s.ignored, s.smoothing, s.weight_sum);
      if (gpu_thread() % 32 == 0)
        for (int k = 0; k < 4; k++) sums[k] += p[k];
    }
    return;
  }
  SWEEP(at, all, width) {
    int e = at.row * width + at.column;
    float slope, y = t.values[target_row(s, t, at.row, rows) * width + at.column];
    sums[0] += value_loss(outputs[e], y, s.loss, s.delta, &slope);
    sums[1] += 1;
    if (s.loss == 3) {
      sums[2] += (outputs[e] > 0) == (y > 0.5f);
      sums[3] += 1;
    }
    gradient[e] = slope;
  }
}
