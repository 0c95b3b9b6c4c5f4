// GPU threads as fibers of one processor thread. A fiber runs until it waits at a barrier; the scheduler then takes the next one.
#pragma once
#include "cudashim.h"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace shim {

struct Barrier {
  int count = 0, site = -1;
  uint64_t generation = 0;
};

struct Warp {
  Barrier barrier;
  unsigned char values[32][8];
  // Each lane's registers of an mma's factors; two sets in turn, so that one barrier is enough.
  unsigned fragments[2][32][6];
};

struct Group;
struct Block {
  int x, y, threads;
  unsigned char *shared;
  Barrier barrier;
  Warp warps[32];
  Group *group;
};

// Blocks that run at the same time: one alone, neighbours along x, or the whole grid.
struct Group {
  int grid_x;
  Barrier barrier;
  std::vector<Block> blocks;
};

struct Thread {
  int thread;
  Block *block;
  void *stack_pointer;
  bool done;
  // The group's barrier that it has arrived at.
  uint64_t arrived;
};

extern thread_local Thread *current;

// Runs `body` in every thread of every block. Returns an empty string, or what went wrong.
struct Shape {
  int grid_x, grid_y, threads;
  size_t shared;
  uint64_t seed;
  int planted;
  int together;
};
std::string run(const Shape &shape, const std::function<void()> &body);

extern thread_local const char *passed[SHIM_SITES];
extern thread_local uint64_t switches;

// The sites' operations; a planted site gets them wrong.
long long index(int site);
void barrier(int site);
void group_barrier(int site);
void exchange(int site, const void *value, void *result, size_t bytes, int lane);
int turn(int site, int step);
void cluster_arrive(int site);
void cluster_wait(int site);
// Where a place of this block's shared memory is in another block of the cluster.
void *peer(int site, void *here, int rank);
// sum += a·b with the warp's fragments as in PTX's mma.m16n8k8 (tf32) and mma.m16n8k16 (bf16).
void mma(int site, bool is_bf16, float *sum, const unsigned *a, const unsigned *b);

template <class T> T shuffle(int site, T value, int lane) {
  T result;
  exchange(site, &value, &result, sizeof value, lane);
  return result;
}

// What the operations are made of.
void wait(Barrier &barrier, int need, int site);
void yield();
void progressed();
void fail(const std::string &message);
// Notes that the site was passed; whether its bug is planted.
bool is_planted(int site, const char *kind);

}  // namespace shim
