// The prelude's names on the processor. Each use of a barrier, index or shuffle is a site with a number of its own, where a test
// can plant a bug.
#pragma once
#include "fibers.h"
#include <cmath>
#include <cstring>

// A site's number.
#ifndef SHIM_FIRST_SITE
#define SHIM_FIRST_SITE 0
#endif
#define SHIM_SITE (SHIM_FIRST_SITE + __COUNTER__)

#define GPU_KERNEL static void
#define GPU_DEVICE static inline
#define GPU_UNROLL
#define gpu_thread() (shim::current->thread)
#define gpu_threads() (shim::current->block->threads)
#define gpu_block() (shim::current->block->x)
#define gpu_block_y() (shim::current->block->y)
#define gpu_index() (shim::index(SHIM_SITE))
#define gpu_barrier() (shim::barrier(SHIM_SITE))
#define gpu_blocks() (shim::current->block->group->grid_x)
#define gpu_grid_barrier(counter) ((void)(counter), shim::group_barrier(SHIM_SITE))
#define gpu_shuffle_down(value, lanes) (shim::shuffle(SHIM_SITE, value, shim::current->thread % 32 + (lanes)))
#define gpu_shuffle_xor(value, lanes) (shim::shuffle(SHIM_SITE, value, shim::current->thread % 32 ^ (lanes)))
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

// Tensor cores and clusters of blocks.
#define GPU_HAS_CLUSTERS
// One site for all, so that a planted bug leaves one buffer for readers and writers.
#define gpu_turn(step) (shim::turn(SHIM_SITES - 1, step))
#define gpu_cluster_rank() (shim::current->block->x % static_cast<int>(shim::current->block->group->blocks.size()))
#define gpu_cluster_arrive() (shim::cluster_arrive(SHIM_SITE))
#define gpu_cluster_wait() (shim::cluster_wait(SHIM_SITE))
#define gpu_cluster_peer(here, rank) (static_cast<decltype(here)>(shim::peer(SHIM_SITE, here, rank)))
#define gpu_mma_tf32(sum, a, b) (shim::mma(SHIM_SITE, false, sum, a, b))
#define gpu_mma_bf16(sum, a, b) (shim::mma(SHIM_SITE, true, sum, a, b))

static inline unsigned gpu_tf32(float x) { return x != x ? 0x7fffffff : (gpu_bits(x) + 0x1000u) & ~0x1fffu; }
static inline unsigned gpu_bf16_pair(float low, float high) {
  auto half = [](float x) { return x != x ? 0x7fffu : (gpu_bits(x) + 0x7fffu + (gpu_bits(x) >> 16 & 1)) >> 16; };
  return half(low) | half(high) << 16;
}
