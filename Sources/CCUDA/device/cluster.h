// All time steps of a layer by clusters of blocks, for hidden sizes whose recurrent weights fit into the registers (and shared
// memory) of a cluster's multiprocessors.
//
// A cluster takes some rows of the batch in one direction, a block of it some hidden units of those rows; cells never leave it. Each
// step a block needs all units of the state forward, and backward what all blocks' gates send to its own units: these go straight
// into the others' shared memory. There are two such buffers in turn, so one barrier of the cluster a step is enough: whoever passed
// the barrier has read the buffer that is written next.
//
// The names are ClusterShape's: COLUMNS rows of the batch (8 for each tile) are the columns of the products, UNITS of the HIDDEN units
// are a block's, ROWS = GATES·UNITS are the rows of its weights. One cluster of BLOCKS = 2, with four warps each:
//
//                 block 0: units 0 … UNITS-1                              block 1: units UNITS … HIDDEN-1
//   registers     weights [ROWS, HIDDEN], cut among warps                 weights [ROWS, HIDDEN]
//                 a pair (unit, column) a thread: its gates, c, h         likewise
//   shared        states[2]  [HIDDEN, COLUMNS]  <--- h of both blocks --->  states[2]  [HIDDEN, COLUMNS]
//                 partial    [SPLITS, COLUMNS, ROW_PITCH]                 partial
//   device        gates [T, B, GATES·H] in and out, cells and h [T, B, ...] out
//
// Forward, a layer's step `time`, as all threads of a block do it together (cluster_forward):
//   1  store_partial: each warp multiplies its tile of weights with states[turn] on the tensor cores, and leaves its sums in `partial`;
//      where warps share the depth of a tile, each of the SPLITS has sums of its own.
//   2  barrier of the block; each thread adds the splits of its pairs to what the input's product gave (read one step ahead) and to the
//      biases, and has the new c and h: cluster_unit.
//   3  h goes into states[other turn] of every block of the cluster, as an operand of the tensor cores: gpu_cluster_peer.
//   4  cluster arrive. While the others come: gates, c and h to device memory, the next step's input from it. Cluster wait.
//
// Backward, from the last step to the first (cluster_backward): the same with the weights transposed, and the message the other way.
//   1  a thread's dh is the gradient from above plus, of `received`[turn] [BLOCKS, COLUMNS, UNIT_PITCH], what each block sent for its
//      unit; from it the gradients of its gates, in place: lstm_unit_back and the like.
//   2  these go into `gradients` [ROWS, COLUMNS] of the own block; barrier of the block.
//   3  send_partial: weightsᵀ · gradients, [HIDDEN, COLUMNS], each unit's part into `received`[other turn] of the block that has it.
//   4  cluster arrive, gates' gradients to device memory, what the step before reads from it, cluster wait.
// Weights' gradients are products over all steps that follow (ProgramBuilder+WeightGradients).

template <int GATES_, int HIDDEN_, int BLOCKS_, int TILES_, int PRECISION_> struct ClusterShape {
  static constexpr int GATES = GATES_, HIDDEN = HIDDEN_, BLOCKS = BLOCKS_, TILES = TILES_, PRECISION = PRECISION_;
  static constexpr cluster_plan PLAN = cluster_plan_for(GATES, HIDDEN, BLOCKS, TILES, PRECISION);
  static constexpr int UNITS = PLAN.units, ROWS = PLAN.rows, COLUMNS = CLUSTER_COLUMNS * TILES, THREADS = 32 * PLAN.warps;
  // (unit, column) pairs of a block, whole warps of them.
  static constexpr int PAIRS = UNITS * COLUMNS, PAIRS_OF_THREAD = (PAIRS + THREADS - 1) / THREADS;
  static constexpr int ROW_PITCH = ROWS + CLUSTER_ROW_PAD, UNIT_PITCH = UNITS + CLUSTER_ROW_PAD;
  static constexpr int SHARED_FORWARD = PLAN.forward_shared, SHARED_BACKWARD = PLAN.backward_shared;
#define CLUSTER_PRODUCT(p) Product<PRECISION, TILES, p.tiles, p.groups, p.splits, p.warp_tiles, p.warp_groups, p.resident>
  using Forward = CLUSTER_PRODUCT(PLAN.forward);
  using Backward = CLUSTER_PRODUCT(PLAN.backward);
#undef CLUSTER_PRODUCT
  // Whether neither product reads weights of units after the last.
  static constexpr bool WHOLE = UNITS * BLOCKS == HIDDEN && Forward::GROUPS * Group<PRECISION>::NUMBERS == HIDDEN &&
                                Forward::SPLITS * Forward::WARP_GROUPS == Forward::GROUPS &&
                                PLAN.warps * Backward::WARP_TILES == Backward::TILES;
};

// One (unit, column) pair of a thread: the block's unit, the layer's, the row of the batch.
struct Pair {
  int local, column, unit, row;
  bool exists, works;
};
template <class S> GPU_DEVICE Pair find_pair(int index, int rank, int batch) {
  int number = gpu_thread() + index * S::THREADS;
  Pair p;
  p.local = number % S::UNITS;
  p.column = number / S::UNITS;
  p.unit = rank * S::UNITS + p.local;
  p.row = gpu_block() / S::BLOCKS * S::COLUMNS + p.column;
  p.exists = number < S::PAIRS;
  p.works = p.exists && p.unit < S::HIDDEN && p.row < batch;
  return p;
}

// Element of the weights for a block's gate row and any unit; zero where there is none. The row lies in the SPAN that begins at
// `start`; where spans lie within a gate, lanes differ by a fixed distance only.
template <class S, int SPAN> GPU_DEVICE float cluster_weight(const float *weight, int rank, int start, int in_span, int unit) {
  const bool WITHIN = S::UNITS % SPAN == 0;
  int gate = (WITHIN ? start : start + in_span) / S::UNITS, own = rank * S::UNITS + start + in_span - gate * S::UNITS;
  if ((WITHIN ? start : start + in_span) >= S::ROWS) return 0;
  if (!S::WHOLE && (own >= S::HIDDEN || unit >= S::HIDDEN)) return 0;
  return weight[(gate * S::HIDDEN + own) * S::HIDDEN + unit];
}

// -- forward ------------------------------------------------------------------------------------------------------------

// Leaves each warp's sums in shared memory: [SPLITS][COLUMNS][ROW_PITCH].
template <class S> GPU_DEVICE void store_partial(float *partial, const Weights<typename S::Forward> &w, const unsigned *state) {
  using P = typename S::Forward;
  float sums[P::COLUMNS][P::WARP_TILES][2][4];
  multiply<P>(sums, w, state);
  int lane = gpu_thread() % 32, split = gpu_thread() / 32 % P::SPLITS;
  GPU_UNROLL for (int tile = 0; tile < P::WARP_TILES; tile++) {
    if (w.first_tile + tile >= P::TILES) break;
    GPU_UNROLL for (int column = 0; column < P::COLUMNS; column++)
      GPU_UNROLL for (int i = 0; i < 4; i++) {
        int row = 16 * (w.first_tile + tile) + lane / 4 + i / 2 * 8, of = 8 * column + lane % 4 * 2 + i % 2;
        partial[(split * S::COLUMNS + of) * S::ROW_PITCH + row] = sums[column][tile][0][i] + sums[column][tile][1][i];
      }
  }
}

// A pair's gates: inputs' products become activated gates; returns h. recurrent holds the products with the state before.
template <int GATES> GPU_DEVICE float cluster_unit(float *a, float *recurrent, const float *biases, int stride, int local, float before,
                                                   float *cell, int relu) {
  for (int k = 0; k < GATES; k++) {
    a[k] += biases[k * stride + local];
    recurrent[k] += biases[(GATES + k) * stride + local];
  }
  if (GATES == 3) return gru_unit(a, recurrent, before);
  for (int k = 0; k < GATES; k++) a[k] += recurrent[k];
  return GATES == 4 ? lstm_unit(a, *cell, cell) : rnn_unit(a[0], relu);
}

// The state before the first step, all units of it.
template <class S> GPU_DEVICE void store_first(unsigned *state, const float *h, int stride, int batch) {
  for (int e = gpu_thread(); e < S::COLUMNS * S::HIDDEN; e += S::THREADS) {
    int unit = e % S::HIDDEN, column = e / S::HIDDEN, row = gpu_block() / S::BLOCKS * S::COLUMNS + column;
    if (row < batch)
      store_operand<S::PRECISION>(state + operand_index<S::PRECISION>(S::Forward::GROUPS, unit, column), unit,
                                  operand_number<S::PRECISION>(h[(long long)row * stride + unit]));
  }
}

template <class S> GPU_DEVICE void cluster_forward(const Direction d, int stride, int steps, int batch, int relu) {
  using P = typename S::Forward;
  const int GATES = S::GATES, COUNT = S::PAIRS_OF_THREAD;
  GPU_SHARED(unsigned, states);                                 // [2] operands
  float *partial = (float *)(states + 2 * P::OPERAND);
  float *biases = partial + P::SPLITS * S::COLUMNS * S::ROW_PITCH;  // [2][ROWS] of input and recurrent
  int rank = gpu_cluster_rank();
  // Words after the last unit.
  for (int e = gpu_thread(); e < 2 * P::OPERAND; e += S::THREADS) states[e] = 0;
  if (d.first_h) {
    gpu_barrier();
    store_first<S>(states + gpu_turn(0) * P::OPERAND, d.first_h, stride, batch);
  }
  for (int e = gpu_thread(); e < 2 * S::ROWS; e += S::THREADS) {
    const float *bias = e < S::ROWS ? d.bias_input : d.bias_recurrent;
    int row = e % S::ROWS, unit = rank * S::UNITS + row % S::UNITS;
    biases[e] = bias && unit < S::HIDDEN ? bias[row / S::UNITS * S::HIDDEN + unit] : 0;
  }
  gpu_cluster_arrive();
  Weights<P> w;
  load_weights<P>(w, (Quad *)(biases + 2 * S::ROWS),
                  [&](int row, int in_tile, int unit, int in_group) {
                    return cluster_weight<S, 16>(d.weight, rank, row, in_tile, unit + in_group);
                  });
  // What is read of a step comes in while the step before is waited for.
  float a[COUNT][4], recurrent[COUNT][4], h[COUNT], cell[COUNT];
  int length[COUNT];
  auto load = [&](int time) {
    GPU_UNROLL for (int j = 0; j < COUNT; j++) {
      Pair p = find_pair<S>(j, rank, batch);
      for (int k = 0; k < GATES; k++) a[j][k] = 0;
      if (p.works)
        load_gates<GATES>(a[j], d.gates + ((long long)time * batch + p.row) * GATES * S::HIDDEN + p.unit, 0, 0, 0, S::HIDDEN);
    }
  };
  GPU_UNROLL for (int j = 0; j < COUNT; j++) {
    Pair p = find_pair<S>(j, rank, batch);
    h[j] = d.first_h && p.works ? d.first_h[(long long)p.row * stride + p.unit] : 0;
    cell[j] = d.first_c && p.works ? d.first_c[(long long)p.row * S::HIDDEN + p.unit] : 0;
    length[j] = d.lengths && p.works ? d.lengths[p.row] : steps;
  }
  load(d.reverse ? steps - 1 : 0);
  gpu_cluster_wait();
  for (int i = 0; i < steps; i++) {
    int time = d.reverse ? steps - 1 - i : i;
    bool last = i + 1 == steps;
    bool product = i > 0 || d.first_h;
    if (product) {
      store_partial<S>(partial, w, states + gpu_turn(i) * P::OPERAND);
      gpu_barrier();
    }
    GPU_UNROLL for (int j = 0; j < COUNT; j++) {
      Pair p = find_pair<S>(j, rank, batch);
      if (!p.exists) continue;
      GPU_UNROLL for (int k = 0; k < GATES; k++) {
        recurrent[j][k] = 0;
        if (product)
          GPU_UNROLL for (int split = 0; split < P::SPLITS; split++)
            recurrent[j][k] += partial[(split * S::COLUMNS + p.column) * S::ROW_PITCH + k * S::UNITS + p.local];
      }
      h[j] = cluster_unit<GATES>(a[j], recurrent[j], biases, S::UNITS, p.local, h[j], &cell[j], relu);
      if (time >= length[j]) h[j] = cell[j] = 0;
      if (last) continue;
      unsigned number = operand_number<S::PRECISION>(p.works ? h[j] : 0);
      unsigned *own = states + gpu_turn(i + 1) * P::OPERAND + operand_index<S::PRECISION>(P::GROUPS, p.unit, p.column);
      for (int peer = 0; peer < S::BLOCKS; peer++) store_operand<S::PRECISION>(gpu_cluster_peer(own, peer), p.unit, number);
    }
    if (!last) gpu_cluster_arrive();
    GPU_UNROLL for (int j = 0; j < COUNT; j++) {
      Pair p = find_pair<S>(j, rank, batch);
      if (!p.works) continue;
      long long at = (long long)time * batch + p.row;
      if (GATES > 1) store_gates<GATES>(d.gates + at * GATES * S::HIDDEN + p.unit, a[j], S::HIDDEN);
      if (GATES == 3) d.recurrent[at * 3 * S::HIDDEN + 2 * S::HIDDEN + p.unit] = recurrent[j][2];
      if (GATES == 4) d.cells[at * S::HIDDEN + p.unit] = cell[j];
      d.h[at * stride + p.unit] = h[j];
    }
    if (last) break;
    load(d.reverse ? time - 1 : time + 1);
    gpu_cluster_wait();
  }
}

// -- backward -----------------------------------------------------------------------------------------------------------

// Sends what the block's gates give to each unit to that unit's block: [BLOCKS][COLUMNS][UNIT_PITCH] there.
template <class S> GPU_DEVICE void send_partial(float *received, int rank, const Weights<typename S::Backward> &w, const unsigned *gradients) {
  using P = typename S::Backward;
  float sums[P::COLUMNS][P::WARP_TILES][2][4];
  multiply<P>(sums, w, gradients);
  int lane = gpu_thread() % 32;
  GPU_UNROLL for (int tile = 0; tile < P::WARP_TILES; tile++) {
    int first = 16 * (w.first_tile + tile);
    if (w.first_tile + tile >= P::TILES) break;
    float *there = gpu_cluster_peer(received, first / S::UNITS) + rank * S::COLUMNS * S::UNIT_PITCH;
    GPU_UNROLL for (int column = 0; column < P::COLUMNS; column++)
      GPU_UNROLL for (int i = 0; i < 4; i++) {
        int local = first % S::UNITS + lane / 4 + i / 2 * 8, of = 8 * column + lane % 4 * 2 + i % 2;
        there[of * S::UNIT_PITCH + local] = sums[column][tile][0][i] + sums[column][tile][1][i];
      }
  }
}

// What the backward step of a pair reads: activated gates (4: also the recurrent product of a GRU's n), and LSTM's cell and the one
// before, GRU's h before, RNN's h; the gradient from above.
struct Saved {
  float gates[4], now, before, d_out;
};
template <class S> GPU_DEVICE void load_saved(Saved &k, const Direction &d, const Pair &p, int time, bool first, int stride, int batch) {
  const int GATES = S::GATES, HIDDEN = S::HIDDEN;
  k.now = k.before = k.d_out = 0;
  for (int i = 0; i < 4; i++) k.gates[i] = 0;
  if (!p.works) return;
  long long at = (long long)time * batch + p.row, earlier = at + (d.reverse ? batch : -batch);
  k.d_out = d.d_out[at * stride + p.unit];
  if (GATES > 1) load_gates<GATES>(k.gates, d.gates + at * GATES * HIDDEN + p.unit, 0, 0, 0, HIDDEN);
  if (GATES == 4) k.now = d.cells[at * HIDDEN + p.unit];
  if (GATES == 4 && (!first || d.first_c))
    k.before = first ? d.first_c[(long long)p.row * HIDDEN + p.unit] : d.cells[earlier * HIDDEN + p.unit];
  if (GATES == 3) k.gates[3] = d.recurrent[at * 3 * HIDDEN + 2 * HIDDEN + p.unit];
  if (GATES == 3 && (!first || d.first_h))
    k.before = first ? d.first_h[(long long)p.row * stride + p.unit] : d.h[earlier * stride + p.unit];
  if (GATES == 1) k.now = d.h[at * stride + p.unit];
}

template <class S> GPU_DEVICE void cluster_backward(const Direction d, int stride, int steps, int batch, int relu) {
  using P = typename S::Backward;
  const int GATES = S::GATES, HIDDEN = S::HIDDEN, COUNT = S::PAIRS_OF_THREAD;
  const int RECEIVED = S::BLOCKS * S::COLUMNS * S::UNIT_PITCH;
  GPU_SHARED(float, received);  // [2][BLOCKS][COLUMNS][UNIT_PITCH]
  unsigned *gradients = (unsigned *)(received + 2 * RECEIVED);
  int rank = gpu_cluster_rank();
  // Words after the last row.
  for (int e = gpu_thread(); e < P::OPERAND; e += S::THREADS) gradients[e] = 0;
  gpu_cluster_arrive();
  Weights<P> w;
  load_weights<P>(w, (Quad *)(gradients + P::OPERAND),
                  [&](int unit, int in_tile, int row, int in_group) {
                    return cluster_weight<S, Group<S::PRECISION>::NUMBERS>(d.weight, rank, row, in_group, unit + in_tile);
                  });
  Saved saved[COUNT];
  int length[COUNT];
  float straight[COUNT], recurrent[COUNT][3];  // LSTM's gradient of the cell, GRU's part that skips the gates
  auto load = [&](int i) {
    GPU_UNROLL for (int j = 0; j < COUNT; j++)
      load_saved<S>(saved[j], d, find_pair<S>(j, rank, batch), d.reverse ? steps - 1 - i : i, i == 0, stride, batch);
  };
  GPU_UNROLL for (int j = 0; j < COUNT; j++) {
    Pair p = find_pair<S>(j, rank, batch);
    straight[j] = 0;
    length[j] = d.lengths && p.works ? d.lengths[p.row] : steps;
  }
  load(steps - 1);
  gpu_cluster_wait();
  for (int i = steps - 1; i >= 0; i--) {
    GPU_UNROLL for (int j = 0; j < COUNT; j++) {
      Pair p = find_pair<S>(j, rank, batch);
      if (!p.exists) continue;
      Saved &k = saved[j];
      float dh = k.d_out, *sent = k.gates;
      if (i + 1 < steps) {
        const float *from = received + gpu_turn(i) * RECEIVED + p.column * S::UNIT_PITCH + p.local;
        float sum = 0;
        for (int peer = 0; peer < S::BLOCKS; peer++) sum += from[peer * S::COLUMNS * S::UNIT_PITCH];
        dh += sum;
      }
      if (GATES == 4) lstm_unit_back(k.gates, k.before, k.now, dh, &straight[j]);
      else if (GATES == 3) {
        recurrent[j][2] = k.gates[3];
        straight[j] = gru_unit_back(k.gates, recurrent[j], k.before, dh + straight[j]);
        sent = recurrent[j];
      } else k.gates[0] = rnn_unit_back(k.now, dh, relu);
      if ((d.reverse ? steps - 1 - i : i) >= length[j]) {
        straight[j] = recurrent[j][0] = recurrent[j][1] = recurrent[j][2] = 0;
        for (int g = 0; g < GATES; g++) k.gates[g] = 0;
      }
      GPU_UNROLL for (int g = 0; g < GATES; g++) {
        int row = g * S::UNITS + p.local;
        store_operand<S::PRECISION>(gradients + operand_index<S::PRECISION>(P::GROUPS, row, p.column), row,
                                    operand_number<S::PRECISION>(p.works ? sent[g] : 0));
      }
    }
    if (i > 0) {
      gpu_barrier();
      send_partial<S>(received + gpu_turn(i - 1) * RECEIVED, rank, w, gradients);
      gpu_cluster_arrive();
    }
    GPU_UNROLL for (int j = 0; j < COUNT; j++) {
      Pair p = find_pair<S>(j, rank, batch);
      if (!p.works) continue;
      long long at = (long long)(d.reverse ? steps - 1 - i : i) * batch + p.row;
      store_gates<GATES>(d.gates + at * GATES * HIDDEN + p.unit, saved[j].gates, HIDDEN);
      if (GATES == 3) store_gates<3>(d.recurrent + at * 3 * HIDDEN + p.unit, recurrent[j], HIDDEN);
    }
    if (i == 0) break;
    load(i - 1);
    gpu_cluster_wait();
  }
}

// A grid is (blocks for all rows, directions).
#define CLUSTER_ARGUMENTS                                                                                       \
  DIRECTION_ARGUMENTS(0), DIRECTION_ARGUMENTS(1), int stride, int steps, int batch, int relu,                     \
      const int *GPU_OPTIONAL lengths, const float *GPU_OPTIONAL first_h, const float *GPU_OPTIONAL first_c
#define CLUSTER_BODY(walk, Shape)                                                                               \
  PICK_DIRECTION                                                                                                \
  d.lengths = lengths;                                                                                          \
  d.first_h = first_h;                                                                                          \
  d.first_c = first_c;                                                                                          \
  walk<Shape>(d, stride, steps, batch, relu);
