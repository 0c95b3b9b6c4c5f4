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

#include "cluster_forward.h"
#include "cluster_backward.h"

// A grid is (blocks for all rows, directions).
#define CLUSTER_ARGUMENTS                                                                                                      \
  DIRECTION_ARGUMENTS(0), DIRECTION_ARGUMENTS(1), int stride, int steps, int batch, int relu, const int *GPU_OPTIONAL lengths, \
      const float *GPU_OPTIONAL first_h, const float *GPU_OPTIONAL first_c
#define CLUSTER_BODY(walk, Shape) \
  PICK_DIRECTION                  \
  d.lengths = lengths;            \
  d.first_h = first_h;            \
  d.first_c = first_c;            \
  walk<Shape>(d, stride, steps, batch, relu);
