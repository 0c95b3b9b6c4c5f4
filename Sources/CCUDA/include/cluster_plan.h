// How the time loop of a layer is spread over a cluster of blocks. Swift launches by it, and the kernels are compiled for it.
//
// A block has some hidden units: forward it forms their gates from the whole state, backward what their gates send to every unit.
// Either product has its weights in fragments of 16 rows by 16 words, a word being one float or tf32 number or two bf16 ones;
// each warp keeps its fragments for all steps, in registers as far as there is room and after that in shared memory.
#ifndef CLUSTER_PLAN_H
#define CLUSTER_PLAN_H

#ifdef __CUDACC_RTC__
#define CLUSTER_FUNCTION __device__ constexpr
#elif defined(__cplusplus)
#define CLUSTER_FUNCTION constexpr
#else
#define CLUSTER_FUNCTION static inline
#endif

// One block's product: `tiles` of 16 rows, `groups` of 16 words of the inner dimension.
typedef struct {
  int tiles, groups;
  int splits;      // warps that share rows and take a part of the groups each
  int warp_tiles;  // of one warp
  int warp_groups;
  int resident;  // of them in registers
} cluster_product;

typedef struct {
  int units;  // hidden units of a block, a multiple of 16; blocks times units is at least the hidden size
  int rows;   // gates times units
  int warps;
  cluster_product forward, backward;
  int forward_shared, backward_shared;  // bytes of shared memory a block needs
} cluster_plan;

enum {
  CLUSTER_GROUP_WORDS = 16,
  CLUSTER_COLUMNS = 8,        // sequences of an mma
  CLUSTER_GROUP_PITCH = 144,  // words from one group of 8 columns to the next: 128 would put neighbours into the same banks
  CLUSTER_ROW_PAD = 4,        // so that the lanes that hold a result write it to 32 banks
  CLUSTER_FRAGMENT_WORDS = 8  // of one lane
};

CLUSTER_FUNCTION int cluster_rounded_up(int count, int step) { return (count + step - 1) / step * step; }

// The arrangement with the least work for a warp and, among those, the least traffic through shared memory. A warp has at most
// so many tiles, as their sums take registers too; 0 splits where there is none.
CLUSTER_FUNCTION cluster_product cluster_arrange(int tiles, int groups, int warps, int most_splits, int most_tiles, int registers) {
  cluster_product best = {tiles, groups, 0, 0, 0, 0};
  int best_traffic = 0;
  for (int splits = 1; splits <= most_splits; splits *= 2) {
    int across = warps / splits, warp_tiles = (tiles + across - 1) / across, warp_groups = (groups + splits - 1) / splits;
    int traffic = warps * warp_groups + 2 * splits * tiles, work = warp_tiles * warp_groups;
    int best_work = best.warp_tiles * best.warp_groups;
    if (warp_tiles > most_tiles) break;
    if (best.splits && (work > best_work || (work == best_work && traffic >= best_traffic))) continue;
    best.splits = splits;
    best.warp_tiles = warp_tiles;
    best.warp_groups = warp_groups;
    best_traffic = traffic;
  }
  if (best.splits == 0) return best;
  int room = registers / (CLUSTER_FRAGMENT_WORDS * best.warp_tiles);
  best.resident = best.warp_groups < room ? best.warp_groups : room;
  return best;
}

CLUSTER_FUNCTION int cluster_weights_shared(cluster_product p, int warps) {
  return 4 * 32 * CLUSTER_FRAGMENT_WORDS * warps * p.warp_tiles * (p.warp_groups - p.resident);
}

// gates: of the cell; tiles: of 8 sequences each; precision: 0 float, 1 tf32, 2 bf16. Shared memory is 0 where there is no plan.
CLUSTER_FUNCTION cluster_plan cluster_plan_for(int gates, int hidden, int blocks, int tiles, int precision) {
  int units = cluster_rounded_up((hidden + blocks - 1) / blocks, 16), rows = gates * units;
  int group = CLUSTER_GROUP_WORDS * (precision == 2 ? 2 : 1), columns = CLUSTER_COLUMNS * tiles;
  int states = cluster_rounded_up(units * blocks, group) / group, gradients = cluster_rounded_up(rows, group) / group;
  int fragments = rows / 16 * states;
  int warps = fragments > 32 ? 8 : 4;
  // Registers for weights; the rest is for sums and addresses.
  int registers = tiles == 1 ? 128 : 96;
  cluster_plan plan = {units,
                       rows,
                       warps,
                       cluster_arrange(rows / 16, states, warps, warps, 8 / tiles, registers),
                       cluster_arrange(units * blocks / 16, gradients, warps, 1, 8 / tiles, registers),
                       0,
                       0};
  if (plan.forward.splits == 0 || plan.backward.splits == 0) return plan;
  plan.forward_shared =
      4 * (2 * tiles * states * CLUSTER_GROUP_PITCH + plan.forward.splits * columns * (rows + CLUSTER_ROW_PAD) + 2 * rows) +
      cluster_weights_shared(plan.forward, warps);
  plan.backward_shared = 4 * (2 * blocks * columns * (units + CLUSTER_ROW_PAD) + tiles * gradients * CLUSTER_GROUP_PITCH) +
                         cluster_weights_shared(plan.backward, warps);
  return plan;
}

#endif
