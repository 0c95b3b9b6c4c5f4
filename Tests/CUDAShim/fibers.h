// GPU threads as fibers of one processor thread. A fiber runs until it waits at a barrier; the scheduler then takes the next one.
#pragma once
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
  Barrier barrier;
  std::vector<Block> blocks;
};

struct Thread {
  int thread;
  Block *block;
  void *stack_pointer;
  bool done;
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

constexpr int sites = 512;
extern thread_local const char *passed[sites];
extern thread_local uint64_t switches;

// The sites' operations; a planted site gets them wrong.
long long index(int site);
void barrier(int site);
void group_barrier(int site);
void exchange(int site, const void *value, void *result, size_t bytes, int lane);

template <class T> T shuffle(int site, T value, int lane) {
  T result;
  exchange(site, &value, &result, sizeof value, lane);
  return result;
}

}  // namespace shim
