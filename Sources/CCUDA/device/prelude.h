// The few names the kernels are written in. NVRTC compiles them for a GPU; tests compile the same files for the processor, where
// `gpu_shim.h` gives these names another meaning. No header of the CUDA toolkit is needed.
#ifndef PRELUDE_H
#define PRELUDE_H

// Marks a kernel's pointer that may be null: in KernelCalls.swift it is an optional.
#ifndef GPU_OPTIONAL
#define GPU_OPTIONAL
#endif

#ifdef __CUDACC_RTC__
#define GPU_KERNEL extern "C" __global__ void __launch_bounds__(256)
// A kernel for blocks of just this many threads, one block on a multiprocessor.
#define GPU_KERNEL_OF(threads) extern "C" __global__ void __launch_bounds__(threads, 1)
#define GPU_DEVICE static __device__ __forceinline__
#define GPU_UNROLL _Pragma("unroll")
#define gpu_thread() ((int)threadIdx.x)
#define gpu_threads() ((int)blockDim.x)
#define gpu_block() ((int)blockIdx.x)
#define gpu_block_y() ((int)blockIdx.y)
// This thread's number among all of a one-dimensional launch.
#define gpu_index() ((long long)blockIdx.x * blockDim.x + threadIdx.x)
#define gpu_barrier() __syncthreads()
// Blocks of a one-dimensional launch.
#define gpu_blocks() ((int)gridDim.x)
// Values of other lanes of the warp; all 32 lanes take part.
#define gpu_shuffle_down(value, lanes) __shfl_down_sync(0xffffffffu, value, lanes)
#define gpu_shuffle_xor(value, lanes) __shfl_xor_sync(0xffffffffu, value, lanes)
// A parameter of a kernel that is a struct.
#define GPU_CONSTANT(type) const __grid_constant__ type
// The block's shared memory, as large as the launch asked for.
extern __shared__ __align__(16) double gpu_shared_memory[];
#define GPU_SHARED(type, name) type *name = (type *)gpu_shared_memory
#define gpu_bits(x) __float_as_uint(x)
#define gpu_float(bits) __uint_as_float(bits)
#define gpu_fma(a, b, c) fmaf(a, b, c)

// A barrier of all blocks of a launch that are together on the device. The counter starts at any value: each barrier adds 2^31 in
// all, and its end is the change of the highest bit.
GPU_DEVICE void gpu_grid_barrier(unsigned *counter) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    unsigned before = atomicAdd(counter, blockIdx.x == 0 ? 0x80000000u - (gridDim.x - 1) : 1u), now;
    do asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(now) : "l"(counter) : "memory");
    while (((before ^ now) & 0x80000000u) == 0);
    __threadfence();
  }
  __syncthreads();
}
#include "tensor.h"
#else
#include "gpu_shim.h"
#endif

// Σ over the block in a fixed order, valid in thread 0. The block is whole warps; scratch holds 32 numbers.
GPU_DEVICE double block_sum(double value, double *scratch) {
  int thread = gpu_thread();
  for (int lanes = 16; lanes; lanes /= 2) value += gpu_shuffle_down(value, lanes);
  if (thread % 32 == 0) scratch[thread / 32] = value;
  gpu_barrier();
  if (thread < 32) {
    value = thread < gpu_threads() / 32 ? scratch[thread] : 0;
    for (int lanes = 16; lanes; lanes /= 2) value += gpu_shuffle_down(value, lanes);
  }
  gpu_barrier();
  return value;
}

// 1 / (1 + exp(-x)), written with exp(-|x|) so that neither side overflows.
GPU_DEVICE float sigmoid(float x) {
  float e = expf(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (e + 1.0f);
}

#endif
