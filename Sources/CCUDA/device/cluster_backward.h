// A cluster's time steps backward (cluster.h has the drawing).

// Sends what the block's gates give to each unit to that unit's block: [BLOCKS][COLUMNS][UNIT_PITCH] there.
template <class S>
GPU_DEVICE void send_partial(float *received, int rank, const Weights<typename S::Backward> &w, const unsigned *gradients) {
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
