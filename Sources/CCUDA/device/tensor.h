// Tensor cores and clusters of blocks, in the instructions of the GPU.

// Which of two buffers a step has.
#define gpu_turn(step) ((step) & 1)

#if __CUDA_ARCH__ >= 800
// To nearest, ties away. Volatile so that it stays where it is: moved out of a loop, results would take more registers than there are.
GPU_DEVICE unsigned gpu_tf32(float x) {
  unsigned bits;
  asm volatile("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}
// To nearest, ties to even; `low` in the lower half.
GPU_DEVICE unsigned gpu_bf16_pair(float low, float high) {
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
// sum += a·b for the warp's fragments a of 16 rows and b of 8 columns.
#define GPU_MMA(name, shape)                                                                         \
  GPU_DEVICE void name(float *sum, const unsigned *a, const unsigned *b) {                           \
    asm("mma.sync.aligned." shape " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])                                     \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                         \
  }
GPU_MMA(gpu_mma_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
GPU_MMA(gpu_mma_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
#endif

#if __CUDA_ARCH__ >= 900
#define GPU_HAS_CLUSTERS
// This block's number in its cluster.
GPU_DEVICE int gpu_cluster_rank() {
  int rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
// A barrier of the whole cluster in two halves; what was written before the first is seen after the second, in all its blocks.
#define gpu_cluster_arrive() asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory")
#define gpu_cluster_wait() asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory")
// The same place in another block's shared memory.
template <class T> GPU_DEVICE T *gpu_cluster_peer(T *here, int rank) {
  T *there;
  asm("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"(here), "r"(rank));
  return there;
}
#endif
