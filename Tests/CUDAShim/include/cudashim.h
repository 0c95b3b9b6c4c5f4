// Executes the GPU kernels on the processor: each GPU thread is a fiber, so that barriers, shuffles and shared memory work.
//
// What it shows: wrong arithmetic, wrong indices, missing barriers (each seed is another legal order of threads and blocks, and shared
// memory starts as NaN), barriers not all threads reach. What it does not show: missing memory fences, bank conflicts, times.
#ifndef CUDASHIM_H
#define CUDASHIM_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// Places where a bug can be planted; the walk by clusters, which is compiled by itself, has the last ones.
enum { SHIM_SITES = 1024, SHIM_CLUSTER_SITES = 768 };

typedef struct {
  int grid_x, grid_y, threads;
  size_t shared;  // bytes of shared memory for each block
  uint64_t seed;  // of the schedule; 0 for natural order
  int together;   // blocks that run at the same time: 1, a cluster's neighbours along x, or all of the grid
  int planted;    // the site whose bug is planted, or -1: a barrier left out, an index off by one, a shuffle that keeps its value
} shim_launch_shape;

// Runs a kernel. `arguments` point to the values, as for cuLaunchKernel; `sizes` are theirs in bytes, checked against the kernel's.
// Returns null, or what went wrong; valid until this thread's next launch.
const char *_Nullable shim_launch(const char *kernel, const shim_launch_shape *shape, void *_Nullable *_Nonnull arguments,
                                  const size_t *sizes, int count);
// The names of all kernels, with the shape in brackets of those that are compiled for one; null behind the last.
const char *_Nullable shim_kernel(int index);
// Sites a bug can be planted at: whether this thread's last launch passed `site`, and what is there ("barrier",
// "index", "shuffle", "group barrier", and of clusters "cluster arrive", "cluster wait", "peer", "turn", "fragment").
const char *_Nullable shim_site(int site);
// Fiber switches this thread has made.
uint64_t shim_switches(void);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
