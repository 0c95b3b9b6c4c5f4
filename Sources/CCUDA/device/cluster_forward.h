// A cluster's time steps forward (cluster.h has the drawing).

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
