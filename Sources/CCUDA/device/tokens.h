// Tokens as vectors, and states that go from one window of a text to the next.

// y [rows, width] = weight[tokens[row]]; zero for rows without a token (-1).
GPU_KERNEL embed(const float *weight, const int *tokens, float *y, long long rows, int width) {
  long long index = gpu_index();
  if (index >= rows * width) return;
  int token = tokens[index / width];
  y[index] = token < 0 ? 0 : weight[(long long)token * width + index % width];
}

#define TOKEN_ROWS 128  // that the block looks at between two barriers: one for each thread

// gradient[tokens[row]] += Σ dy[row] over rows of the same token, without atomics: the block of a token's first row adds up all of
// them, each thread a column of every fourth row; a grid is (rows, columns / 32). rows · rows / 128 comparisons.
GPU_KERNEL embed_backward(const float *dy, const int *tokens, float *gradient, int rows, int width) {
  GPU_SHARED(float, partial);
  int *same = (int *)(partial + TOKEN_ROWS);  // [2][TOKEN_ROWS]
  int thread = gpu_thread(), own = gpu_block(), lane = thread / 32, column = gpu_block_y() * 32 + thread % 32;
  int token = tokens[own], before = 0;
  for (int row = thread; row < own; row += TOKEN_ROWS) before |= tokens[row] == token;
  for (int lanes = 16; lanes; lanes /= 2) before |= gpu_shuffle_xor(before, lanes);
  if (thread % 32 == 0) same[lane] = before;
  gpu_barrier();
  for (int warp = 0; warp < TOKEN_ROWS / 32; warp++) before |= same[warp];
  if (token < 0 || before) return;
  float sum = 0;
  for (int first = own, turn = 1; first < rows; first += TOKEN_ROWS, turn ^= 1) {
    int *found = same + turn * TOKEN_ROWS, row = first + thread;
    found[thread] = row < rows && tokens[row] == token;
    gpu_barrier();
    if (column < width)
      for (int k = lane; k < TOKEN_ROWS; k += TOKEN_ROWS / 32)
        if (found[k]) sum += dy[(long long)(first + k) * width + column];
  }
  partial[thread] = sum;
  gpu_barrier();
  if (lane > 0 || column >= width) return;
  for (int other = 1; other < TOKEN_ROWS / 32; other++) sum += partial[other * 32 + thread];
  gradient[(long long)token * width + column] += sum;
}

// to [batch, stride], its first `width` columns = states[streams[row]]; states [streams, states_stride].
GPU_KERNEL take_states(const float *states, int states_stride, const int *streams, float *to, int stride, int batch, int width) {
  long long index = gpu_index();
  if (index >= (long long)batch * width) return;
  int row = (int)(index / width), unit = (int)(index % width);
  to[(long long)row * stride + unit] = states[(long long)streams[row] * states_stride + unit];
}

// The other way, from each row's last step in x [steps, batch, stride]; for the reverse direction from the first one.
GPU_KERNEL keep_states(const float *x, int stride, const int *GPU_OPTIONAL lengths, const int *streams, float *states,
                       int states_stride, int steps, int batch, int width, int reverse) {
  long long index = gpu_index();
  if (index >= (long long)batch * width) return;
  int row = (int)(index / width), unit = (int)(index % width);
  int last = reverse ? 0 : (lengths ? lengths[row] : steps) - 1;
  states[(long long)streams[row] * states_stride + unit] = x[((long long)last * batch + row) * stride + unit];
}
