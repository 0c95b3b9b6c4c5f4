// All time steps of a layer in one kernel, for hidden sizes whose recurrent weights fit into shared memory.
//
// Rows do not depend on one another: a block takes some rows of one direction and needs nothing from the others. A thread is one unit
// of one row; the state goes from step to step through shared memory, with one barrier a step. The first step reads no weights, so
// its barrier also stands after their loading.

// What a thread of a walk is: its row and unit, and whether there is work for it.
struct Place {
  int slot, unit, row;
  bool works;
};
GPU_DEVICE Place find_place(int rows, int batch, int hidden) {
  Place p;
  p.slot = gpu_thread() / hidden;
  p.unit = gpu_thread() % hidden;
  p.row = gpu_block() * rows + p.slot;
  p.works = p.slot < rows && p.row < batch;
  return p;
}

// What one thread reads from shared memory at once.
template <int WIDTH> struct alignas(4 * WIDTH) Run {
  float values[WIDTH];
};

// Forward keeps weights as [H][unit][WIDTH] so that one read brings all gates of a unit; WIDTH is GATES, or 4 for 3.
template <int GATES>
GPU_DEVICE void walk_forward(const Direction d, int stride, int steps, int batch, int hidden, int rows, int relu) {
  const int WIDTH = GATES == 1 ? 1 : 4;
  GPU_SHARED(float, weights);
  float *state = weights + WIDTH * hidden * hidden;  // [2][rows][H]
  for (int e = gpu_thread(); e < GATES * hidden * hidden; e += gpu_threads()) {
    int k = e % hidden, unit = e / hidden % hidden, gate = e / hidden / hidden;
    weights[(k * hidden + unit) * WIDTH + gate] = d.weight[e];
  }
  Place p = find_place(rows, batch, hidden);
  float cell = 0, before = 0;
  for (int i = 0; i < steps; i++) {
    int time = d.reverse ? steps - 1 - i : i;
    long long at = (long long)time * batch + p.row;
    float m[4] = {0, 0, 0, 0};
    if (p.works && is_past(d.lengths, p.row, time)) {
      cell = before = 0;
      if (GATES == 4) d.cells[at * hidden + p.unit] = cell;
      d.h[at * stride + p.unit] = before;
      state[((i + 1) % 2 * rows + p.slot) * hidden + p.unit] = before;
    } else if (p.works) {
      if (i > 0) {
        const float *h = state + (i % 2 * rows + p.slot) * hidden;
        const Run<WIDTH> *w = (const Run<WIDTH> *)weights + p.unit;
        for (int k = 0; k < hidden; k++) {
          Run<WIDTH> run = w[k * hidden];
          for (int gate = 0; gate < GATES; gate++) m[gate] = gpu_fma(h[k], run.values[gate], m[gate]);
        }
      }
      float *g = d.gates + at * GATES * hidden + p.unit, a[4];
      if (GATES == 3) {
        load_gates<GATES>(a, g, d.bias_input, 0, p.unit, hidden);
        for (int k = 0; k < 3; k++) m[k] += d.bias_recurrent ? d.bias_recurrent[k * hidden + p.unit] : 0;
        before = gru_unit(a, m, before);
        d.recurrent[at * 3 * hidden + 2 * hidden + p.unit] = m[2];
      } else {
        load_gates<GATES>(a, g, d.bias_input, d.bias_recurrent, p.unit, hidden);
        for (int k = 0; k < GATES; k++) a[k] += m[k];
        if (GATES == 4) {
          before = lstm_unit(a, cell, &cell);
          d.cells[at * hidden + p.unit] = cell;
        } else before = rnn_unit(a[0], relu);
      }
      if (GATES > 1) store_gates<GATES>(g, a, hidden);
      d.h[at * stride + p.unit] = before;
      state[((i + 1) % 2 * rows + p.slot) * hidden + p.unit] = before;
    }
    gpu_barrier();
  }
}

// Backward keeps weights as they are, [GATES·H][H]: threads of neighbouring units read neighbours.
template <int GATES>
GPU_DEVICE void walk_backward(const Direction d, int stride, int steps, int batch, int hidden, int rows, int relu) {
  GPU_SHARED(float, weights);
  float *gradients = weights + GATES * hidden * hidden;  // [2][rows][GATES·H] of what the recurrent product gave
  for (int e = gpu_thread(); e < GATES * hidden * hidden; e += gpu_threads()) weights[e] = d.weight[e];
  Place p = find_place(rows, batch, hidden);
  float d_cell = 0, straight = 0;
  for (int i = steps - 1; i >= 0; i--) {
    int time = d.reverse ? steps - 1 - i : i;
    long long at = (long long)time * batch + p.row, earlier = at + (d.reverse ? batch : -batch);
    if (p.works && is_past(d.lengths, p.row, time)) {
      const float none[4] = {0, 0, 0, 0};
      store_gates<GATES>(d.gates + at * GATES * hidden + p.unit, none, hidden);
      if (GATES == 3) store_gates<3>(d.recurrent + at * 3 * hidden + p.unit, none, hidden);
      store_gates<GATES>(gradients + ((i + 1) % 2 * rows + p.slot) * GATES * hidden + p.unit, none, hidden);
      d_cell = straight = 0;
    } else if (p.works) {
      float dh = d.d_out[at * stride + p.unit] + straight;
      const float *later = gradients + (i % 2 * rows + p.slot) * GATES * hidden;
      float sum[4] = {0, 0, 0, 0};  // several at a time: one chain of additions would wait for itself
      if (i + 1 < steps)
        for (int j = 0; j < GATES * hidden; j += GATES)
          for (int k = 0; k < GATES; k++) sum[k] = gpu_fma(later[j + k], weights[(j + k) * hidden + p.unit], sum[k]);
      dh += (sum[0] + sum[1]) + (sum[2] + sum[3]);
      float *g = d.gates + at * GATES * hidden + p.unit, a[4];
      float *own = gradients + ((i + 1) % 2 * rows + p.slot) * GATES * hidden + p.unit;
      if (GATES > 1) load_gates<GATES>(a, g, 0, 0, p.unit, hidden);
      if (GATES == 4) {
        lstm_unit_back(a, i > 0 ? d.cells[earlier * hidden + p.unit] : 0, d.cells[at * hidden + p.unit], dh, &d_cell);
        store_gates<GATES>(own, a, hidden);
      } else if (GATES == 3) {
        float *r = d.recurrent + at * 3 * hidden + p.unit, m[3] = {0, 0, r[2 * hidden]};
        straight = gru_unit_back(a, m, i > 0 ? d.h[earlier * stride + p.unit] : 0, dh);
        store_gates<3>(r, m, hidden);
        store_gates<3>(own, m, hidden);
      } else {
        a[0] = rnn_unit_back(d.h[at * stride + p.unit], dh, relu);
        own[0] = a[0];
      }
      store_gates<GATES>(g, a, hidden);
    }
    gpu_barrier();
  }
}

// A grid is (blocks of rows, directions).
#define WALK(name, walk, GATES)                                                                                           \
  GPU_KERNEL name(DIRECTION_ARGUMENTS(0), DIRECTION_ARGUMENTS(1), int stride, int steps, int batch, int hidden, int rows, \
                  int relu, const int *GPU_OPTIONAL lengths) {                                                            \
    PICK_DIRECTION                                                                                                        \
    d.lengths = lengths;                                                                                                  \
    walk<GATES>(d, stride, steps, batch, hidden, rows, relu);                                                             \
  }
WALK(lstm_walk_forward, walk_forward, 4)
WALK(lstm_walk_backward, walk_backward, 4)
WALK(gru_walk_forward, walk_forward, 3)
WALK(gru_walk_backward, walk_backward, 3)
WALK(rnn_walk_forward, walk_forward, 1)
WALK(rnn_walk_backward, walk_backward, 1)
