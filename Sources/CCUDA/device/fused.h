// Whole training steps in one kernel, for networks whose parameters and a tile of rows fit into a block's shared memory.
//
// Each block does some tiles alone, from the batch to its share of the gradients. Then all blocks add up a slice each, in the order of
// the blocks, decide alike and update their slices. One block needs no other.

// What the steps work on, in device memory. Of several steps one follows the other in controls, outcomes and samples [steps, batch].
struct FusedData {
  const step_control *controls;
  step_outcome *outcomes;
  float *parameters, *gradients, *first, *second;
  const float *inputs, *values;  // [T, B, F], [rows, width] of a batch, or sample by sample where the data set is resident
  const int *classes, *samples;
  const float *class_weights;
  float *partial;  // [blocks, parameters] each block's share of the gradients
  double *sums;    // [blocks, 5] and of loss, weight, right, counted, squares
  unsigned *barrier;
  float *results;  // [rows, width], for evaluation
};

enum { FUSED_EVALUATE, FUSED_COMPUTE, FUSED_STEP };

// What one block leaves to the others, its first thread has written, or its threads before the last block_sum: one block alone need not
// wait.
GPU_DEVICE void meet_blocks(unsigned *counter) {
  if (gpu_blocks() > 1) gpu_grid_barrier(counter);
}

// The gradients of the recurrent layers' parameters, of all layers and directions side by side: a thread has all gates of a unit and
// one column of [inputs, h, 1].
template <int GATES>
GPU_DEVICE void weight_gradients_tile(const fused_shape &s, float *memory, int rows, float *gradients, bool is_first) {
  int hidden = s.hidden, units = s.directions * hidden, size = s.steps * s.tile_rows * units;
  int lower = hidden * (s.inputs + hidden + 1) * s.directions, upper = hidden * (units + hidden + 1);
  const float *one = memory + s.one;
  for (int e = gpu_thread(); e < lower + (s.layers - 1) * s.directions * upper; e += gpu_threads()) {
    int layer = e < lower ? 0 : 1 + (e - lower) / (upper * s.directions);
    int in_layer = e < lower ? e : (e - lower) % (upper * s.directions), each = layer ? upper : lower / s.directions;
    int d = in_layer / each, columns = each / hidden, unit = in_layer % each / columns, k = in_layer % each % columns;
    Weights w = weights_of(s, GATES, layer, d);
    const float *g = memory + s.gates + layer * size * GATES + d * GATES * hidden + unit;
    const float *saved = memory + s.saved + layer * size + d * hidden + unit, *v = one;
    int pitch = 0, count = s.steps * rows;
    if (k < w.width) {
      pitch = w.width;
      v = memory + (layer == 0 ? s.x : (s.threshold ? s.dropped : s.outputs) + (layer - 1) * size) + k;
    } else if (k < w.width + hidden) {
      // Step t's gates saw the outputs of the previous step.
      pitch = units;
      count -= rows;
      v = memory + s.outputs + layer * size + d * hidden + k - w.width + (d ? rows * units : 0);
      g += d ? 0 : rows * units * GATES;
      saved += d ? 0 : rows * units;
    }
    float sum[4] = {0, 0, 0, 0}, other = 0;
    for (int row = 0; row < count; row++) {
      float x = v[row * pitch];
      for (int gate = 0; gate < GATES; gate++) sum[gate] = gpu_fma(g[row * units * GATES + gate * hidden], x, sum[gate]);
      if (GATES == 3) other = gpu_fma(saved[row * units], x, other);
    }
    bool is_bias = k >= w.width + hidden, is_recurrent = k >= w.width && !is_bias;
    if (is_bias && !s.biased) continue;
    float *to = gradients + w.parameters +
                (is_recurrent ? GATES * hidden * w.width
                 : is_bias    ? GATES * hidden * (w.width + hidden)
                              : 0);
    int wide = is_bias ? 1 : is_recurrent ? hidden : w.width, column = is_bias ? 0 : is_recurrent ? k - w.width : k;
    for (int gate = 0; gate < GATES; gate++) {
      float *p = to + (gate * hidden + unit) * wide + column;
      float recurrent = GATES == 3 && gate == 2 ? other : sum[gate], own = is_recurrent ? recurrent : sum[gate];
      *p = is_first ? own : *p + own;
      if (is_bias) p[GATES * hidden] = is_first ? recurrent : p[GATES * hidden] + recurrent;
    }
  }
}

// Forward through all layers; returns the network's output.
template <int GATES>
GPU_DEVICE float *forward_tile(const fused_shape &s, float *memory, const step_control *control, const int *samples, int rows,
                               bool trains) {
  int units = s.directions * s.hidden, size = s.steps * s.tile_rows * units;
  const float *x = memory + s.x;
  for (int layer = 0; layer < s.layers; layer++) {
    float *gates = memory + s.gates + layer * size * GATES, *out = memory + s.outputs + layer * size;
    project_tile<GATES>(s, memory, layer, rows, x, gates);
    gpu_barrier();
    forward_tile<GATES>(s, memory, layer, rows, gates, memory + s.saved + layer * size, out);
    x = out;
    if (trains && s.threshold && layer + 1 < s.layers) {
      float *y = memory + s.dropped + layer * size;
      SWEEP(at, s.steps * rows, units) {
        int e = at.row * units + at.column;
        y[e] = x[e] * tile_mask(s, control, samples, layer, rows, at);
      }
      gpu_barrier();
      x = y;
    }
  }
  read_tile(s, rows, x, s.layers ? units : s.inputs, memory + s.read);
  gpu_barrier();
  return forward_head(s, memory, control, samples, rows, trains);
}

template <int GATES>
GPU_DEVICE void backward_tile(const fused_shape &s, float *memory, const step_control *control, const int *samples, int rows,
                              float *gradients, bool is_first) {
  int units = s.directions * s.hidden, size = s.steps * s.tile_rows * units;
  float *d_out = memory + s.d_outputs;
  const float *d_read = backward_head(s, memory, control, samples, rows, gradients, is_first);
  if (!s.layers) return;
  read_tile_back(s, rows, d_read, units, d_out);
  gpu_barrier();
  for (int layer = s.layers - 1; layer >= 0; layer--) {
    float *gates = memory + s.gates + layer * size * GATES;
    backward_tile<GATES>(s, memory, layer, rows, gates, memory + s.saved + layer * size, memory + s.outputs + layer * size, d_out);
    if (layer == 0) break;
    input_gradient_tile<GATES>(s, memory, control, samples, layer, rows, gates, d_out);
    gpu_barrier();
  }
  weight_gradients_tile<GATES>(s, memory, rows, gradients, is_first);
}

// The rows of a tile: inputs [T, rows, F].
GPU_DEVICE void load_tile(const fused_shape &s, const FusedData &data, const int *samples, int first, int rows, bool resident,
                          float *x) {
  SWEEP(at, s.steps * rows, s.inputs) {
    int step = at.row / rows, row = at.row % rows;
    long long from = resident ? (long long)samples[first + row] * s.steps + step : (long long)step * s.batch + first + row;
    x[at.row * s.inputs + at.column] = data.inputs[from * s.inputs + at.column];
  }
}

// Adds up each block's share of this block's slice, and the squares of the sums. Returns those, valid in thread 0.
GPU_DEVICE double add_up(const fused_shape &s, const FusedData &data, bool accumulates, double *scratch) {
  double squares = 0;
  for (long long p = gpu_index(); p < s.parameters; p += (long long)gpu_blocks() * gpu_threads()) {
    float sum = data.partial[p];
    for (int block = 1; block < gpu_blocks(); block++) sum += data.partial[(long long)block * s.parameters + p];
    data.gradients[p] = accumulates ? data.gradients[p] + sum : sum;
    squares += (double)sum * sum;
  }
  return block_sum(squares, scratch);
}

// All blocks' {loss, weight, right, counted, squares}, valid in thread 0.
GPU_DEVICE void total(const double *sums, double *totals, double *scratch) {
  for (int k = 0; k < 5; k++) {
    double sum = 0;
    for (int block = gpu_thread(); block < gpu_blocks(); block += gpu_threads()) sum += sums[5 * block + k];
    totals[k] = block_sum(sum, scratch);
  }
}

GPU_DEVICE void update_slice(const fused_shape &s, const FusedData &d, const step_control *control, const step_outcome *outcome) {
  for (long long p = gpu_index(); p < s.parameters; p += (long long)gpu_blocks() * gpu_threads())
    if (s.rule == 0) adam_element(p, d.parameters, d.gradients, d.first, d.second, control, outcome);
    else if (s.rule == 1) sgd_element(p, d.parameters, d.gradients, d.first, control, outcome);
    else rmsprop_element(p, d.parameters, d.gradients, d.first, d.second, control, outcome);
}

// One step, or the gradients or outputs of one batch.
template <int GATES>
GPU_DEVICE void fused_pass(const fused_shape &s, const FusedData &data, const step_control *control, const int *samples, int mode,
                           bool resident, float *memory, double *scratch, step_outcome *shared) {
  float *gradients = data.partial + (long long)gpu_block() * s.parameters;
  double sums[4] = {0, 0, 0, 0};
  load_weights(s, GATES, data.parameters, memory);
  load_head(s, data.parameters, memory);
  for (int first = gpu_block() * s.tile_rows; first < s.batch; first += gpu_blocks() * s.tile_rows) {
    int rows = first + s.tile_rows <= s.batch ? s.tile_rows : s.batch - first;
    const int *own = samples + first;
    bool is_first = first == gpu_block() * s.tile_rows;
    if (!is_first) gpu_barrier();
    load_tile(s, data, samples, first, rows, resident, memory + s.x);
    gpu_barrier();
    float *output = forward_tile<GATES>(s, memory, control, own, rows, mode != FUSED_EVALUATE);
    if (mode == FUSED_EVALUATE) {
      SWEEP(at, head_rows(s, rows), s.output_width)
      data.results[((long long)(at.row / rows) * s.batch + first + at.row % rows) * s.output_width + at.column] =
          output[at.row * s.output_width + at.column];
    } else {
      Targets targets = {data.values, data.classes, data.class_weights, resident ? own : 0, first};
      loss_tile(s, targets, output, memory + s.d_head[0], rows, sums);
      gpu_barrier();
      backward_tile<GATES>(s, memory, control, own, rows, gradients, is_first);
    }
  }
  if (mode == FUSED_EVALUATE) return;
  for (int k = 0; k < 4; k++) {
    sums[k] = block_sum(sums[k], scratch);
    if (gpu_thread() == 0) data.sums[5 * gpu_block() + k] = sums[k];
  }
  meet_blocks(data.barrier);
  double squares = add_up(s, data, mode == FUSED_COMPUTE, scratch), totals[5];
  if (gpu_thread() == 0) data.sums[5 * gpu_block() + 4] = squares;
  meet_blocks(data.barrier);
  total(data.sums, totals, scratch);
  if (gpu_thread() == 0) {
    *shared = step_outcome{totals[0], totals[1], totals[2], totals[3]};
    if (mode == FUSED_STEP) decide_step(totals[4], control, shared);
  }
  gpu_barrier();
  if (mode == FUSED_STEP && shared->result == 0) update_slice(s, data, control, shared);
}

// Steps follow one another until one is the last or was not taken.
template <int GATES> GPU_DEVICE void fused_steps(const fused_shape &s, const FusedData &data, int mode, bool resident) {
  GPU_SHARED(float, memory);
  double *scratch = (double *)memory;
  step_outcome *outcome = (step_outcome *)(scratch + 32);
  memory = (float *)(outcome + 1);
  if (gpu_thread() == 0) memory[s.one] = 1;
  for (int step = 0;; step++) {
    const step_control *control = data.controls + step;
    fused_pass<GATES>(s, data, control, data.samples + (long long)step * s.batch, mode, resident, memory, scratch, outcome);
    if (mode == FUSED_EVALUATE) return;
    step_outcome *left = data.outcomes + step;
    if (gpu_block() == 0 && gpu_thread() == 0) {
      if (mode == FUSED_STEP) *left = *outcome;
      else {
        left->loss += outcome->loss;
        left->weight += outcome->weight;
        left->right += outcome->right;
        left->counted += outcome->counted;
      }
    }
    if (mode == FUSED_COMPUTE || outcome->result || !control->more) return;
    if (gpu_blocks() > 1) gpu_grid_barrier(data.barrier);
    else gpu_barrier();
  }
}

#define FUSED(name, GATES)                                                                                                         \
  GPU_KERNEL name(GPU_CONSTANT(fused_shape) s, int mode, int resident, const step_control *controls, step_outcome *outcomes,       \
                  float *parameters, float *gradients, float *GPU_OPTIONAL first, float *GPU_OPTIONAL second, const float *inputs, \
                  const float *values, const int *classes, const int *samples, const float *GPU_OPTIONAL class_weights,            \
                  float *partial, double *sums, unsigned *barrier, float *results) {                                               \
    FusedData data = {controls, outcomes, parameters,    gradients, first, second,  inputs, values,                                \
                      classes,  samples,  class_weights, partial,   sums,  barrier, results};                                      \
    fused_steps<GATES>(s, data, mode, resident);                                                                                   \
  }
FUSED(lstm_fused, 4)
FUSED(gru_fused, 3)
FUSED(rnn_fused, 1)
