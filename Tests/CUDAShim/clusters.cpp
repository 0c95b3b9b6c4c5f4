// Clusters of blocks and tensor cores.
#include "fibers.h"
#include <cmath>
#include <cstring>

namespace shim {

// Planted: there is but one buffer.
int turn(int site, int step) { return is_planted(site, "turn") ? 0 : step % 2; }

// The barrier in two halves: all arrive, nobody waits here.
void cluster_arrive(int site) {
  if (is_planted(site, "cluster arrive")) return;
  Group &cluster = *current->block->group;
  Barrier &barrier = cluster.barrier;
  if (barrier.count == 0) barrier.site = site;
  else if (barrier.site != site) fail("threads arrive at different barriers");
  current->arrived = barrier.generation + 1;
  if (++barrier.count == int(cluster.blocks.size()) * current->block->threads) {
    barrier.count = 0;
    barrier.generation++;
  }
  progressed();
}

void cluster_wait(int site) {
  if (is_planted(site, "cluster wait")) return;
  const Barrier &barrier = current->block->group->barrier;
  progressed();
  while (barrier.generation < current->arrived) yield();
}

// Planted: the last block is not reached.
void *peer(int site, void *here, int rank) {
  auto &blocks = current->block->group->blocks;
  if (rank < 0 || rank >= int(blocks.size())) {
    fail("there is no such block in the cluster");
    return here;
  }
  if (is_planted(site, "peer") && rank + 1 == int(blocks.size())) return here;
  return blocks[size_t(rank)].shared + (static_cast<unsigned char *>(here) - current->block->shared);
}

namespace {
float number(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
// The index-th number of a fragment's row or column: tf32 uses the upper 19 bits of a register, bf16 has two numbers in one.
float part(bool is_bf16, const unsigned (*lanes)[6], int line, int index, int first, int step) {
  int per = is_bf16 ? 2 : 1, lane = line % 8 * 4 + index / per % 4, element = first + index / (4 * per) * step;
  unsigned bits = lanes[lane][element];
  return number(is_bf16 ? (index % 2 ? bits & 0xffff0000u : bits << 16) : bits & ~0x1fffu);
}
}  // namespace

void mma(int site, bool is_bf16, float *sum, const unsigned *a, const unsigned *b) {
  Warp &warp = current->block->warps[current->thread / 32];
  auto *lanes = warp.fragments[warp.barrier.generation % 2];
  int lane = current->thread % 32;
  std::memcpy(lanes[lane], a, 16);
  std::memcpy(lanes[lane] + 4, b, 8);
  wait(warp.barrier, 32, site);
  // Planted: a neighbour's column.
  int wrong = is_planted(site, "fragment") ? 1 : 0;
  for (int i = 0; i < 4; i++) {
    int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + (i % 2 ^ wrong);
    for (int k = 0; k < (is_bf16 ? 16 : 8); k++)
      sum[i] = std::fma(part(is_bf16, lanes, row, k, row / 8, 2), part(is_bf16, lanes, column, k, 4, 1), sum[i]);
  }
}

}  // namespace shim
