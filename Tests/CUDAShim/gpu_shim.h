// The prelude's names on the processor. Each use of a barrier, index or shuffle is a site with a number of its own, where a test
// can plant a bug.
#pragma once
#include "fibers.h"
#include <cmath>
#include <cstring>

#define GPU_KERNEL static void
#define GPU_DEVICE static inline
#define gpu_thread() (shim::current->thread)
#define gpu_threads() (shim::current->block->threads)
#define gpu_block() (shim::current->block->x)
#define gpu_block_y() (shim::current->block->y)
#define gpu_index() (shim::index(__COUNTER__))
#define gpu_barrier() (shim::barrier(__COUNTER__))
#define gpu_blocks() ((int)shim::current->block->group->blocks.size())
#define gpu_grid_barrier(counter) ((void)(counter), shim::group_barrier(__COUNTER__))
#define gpu_shuffle_down(value, lanes) (shim::shuffle(__COUNTER__, value, shim::current->thread % 32 + (lanes)))
#define gpu_shuffle_xor(value, lanes) (shim::shuffle(__COUNTER__, value, shim::current->thread % 32 ^ (lanes)))
#define GPU_CONSTANT(type) const type
#define GPU_SHARED(type, name) type *name = reinterpret_cast<type *>(shim::current->block->shared)
#define gpu_fma(a, b, c) std::fma(a, b, c)

static inline unsigned gpu_bits(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}
static inline float gpu_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
