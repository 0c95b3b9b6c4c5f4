// The matrix product for machines without cuBLASLt, and the one that tests execute.

#define TILE 64   // rows and columns of C a block computes, 4 × 4 for each of its 256 threads
#define DEPTH 16  // of the inner product between two barriers
#define PITCH (TILE + 4)

// What a tensor core would read: 0 float, 1 tf32 (to nearest, ties away), 2 bfloat16 (to nearest, ties to even). What is not a number
// stays so: a carry out of its bits would make it one.
GPU_DEVICE float rounded(float x, int precision) {
  unsigned bits = gpu_bits(x), cleared = precision == 0 || x != x ? 0 : precision == 1 ? 0x1fffu : 0xffffu;
  unsigned half = precision == 1 ? 0x1000u : 0x7fffu + (bits >> 16 & 1);
  return gpu_float(cleared ? (bits + half) & ~cleared : bits);
}

// C [m, n] (+)= A·B; element (i, k) of A is a[i·a_row + k·a_column], (k, j) of B is b[k·b_row + j·b_column].
GPU_KERNEL product(const float *a, long long a_row, long long a_column, const float *b, long long b_row, long long b_column,
                   float *c, long long c_row, int m, int n, int depth, int accumulate, int precision) {
  GPU_SHARED(float, left);
  float *right = left + DEPTH * PITCH;
  int thread = gpu_thread(), row = gpu_block() * TILE, column = gpu_block_y() * TILE;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < depth; k0 += DEPTH) {
    for (int e = thread; e < TILE * DEPTH; e += gpu_threads()) {
      // Neighbours among the threads read neighbours in memory.
      int i = a_column == 1 ? e / DEPTH : e % TILE, k = a_column == 1 ? e % DEPTH : e / TILE;
      left[k * PITCH + i] = row + i < m && k0 + k < depth ? rounded(a[(row + i) * a_row + (k0 + k) * a_column], precision) : 0;
      int j = b_row == 1 ? e / DEPTH : e % TILE;
      k = b_row == 1 ? e % DEPTH : e / TILE;
      right[k * PITCH + j] =
          column + j < n && k0 + k < depth ? rounded(b[(k0 + k) * b_row + (column + j) * b_column], precision) : 0;
    }
    gpu_barrier();
    for (int k = 0; k < DEPTH; k++)
      for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
          sum[i][j] = gpu_fma(left[k * PITCH + thread / 16 * 4 + i], right[k * PITCH + thread % 16 * 4 + j], sum[i][j]);
    gpu_barrier();
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      int y = row + thread / 16 * 4 + i, x = column + thread % 16 * 4 + j;
      if (y < m && x < n) c[y * c_row + x] = accumulate ? c[y * c_row + x] + sum[i][j] : sum[i][j];
    }
}
