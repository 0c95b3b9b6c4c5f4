// Layer norm (Ba et al. 2016): y = α·x̂ + β with x̂ = (x - mean) / √(variance + 1e-5), over the first `first` columns of a row and over
// the `second` columns after them by themselves (0 for none). One warp for each row and group.

struct Group {
  long long row;
  int number, from, to, lane;
};
GPU_DEVICE Group find_group(int first, int second) {
  long long warp = (long long)gpu_block() * (gpu_threads() / 32) + gpu_thread() / 32;
  int groups = second > 0 ? 2 : 1;
  Group g;
  g.row = warp / groups;
  g.number = (int)(warp % groups);
  g.from = g.number ? first : 0;
  g.to = g.number ? first + second : first;
  g.lane = gpu_thread() % 32;
  return g;
}
// Σ over the warp, in all lanes.
GPU_DEVICE float warp_sum(float value) {
  for (int lanes = 16; lanes; lanes /= 2) value += gpu_shuffle_xor(value, lanes);
  return value;
}

// x [rows, first + second] becomes the x̂ of `from`, which may be x; 1/√… goes to deviation [rows, groups]. y [rows, width] is set, or added to where `adding`; the
// second group goes to `other` [rows, second] instead, where that is given. beta may be null.
GPU_KERNEL norm_forward(const float *from, float *x, float *deviation, const float *alpha, const float *GPU_OPTIONAL beta, float *y,
                        int adding, float *GPU_OPTIONAL other, int first, int second, long long rows) {
  Group g = find_group(first, second);
  if (g.row >= rows) return;
  int width = first + second;
  const float *v = from + g.row * width;
  float *p = x + g.row * width, sum = 0, squares = 0;
  for (int j = g.from + g.lane; j < g.to; j += 32) sum += v[j];
  float mean = warp_sum(sum) / (float)(g.to - g.from);
  for (int j = g.from + g.lane; j < g.to; j += 32) squares += (v[j] - mean) * (v[j] - mean);
  float inverse = 1 / sqrtf(warp_sum(squares) / (float)(g.to - g.from) + 1e-5f);
  if (g.lane == 0) deviation[g.row * (second > 0 ? 2 : 1) + g.number] = inverse;
  bool aside = g.number && other;
  for (int j = g.from + g.lane; j < g.to; j += 32) {
    p[j] = (v[j] - mean) * inverse;
    float out = gpu_fma(alpha[j], p[j], beta ? beta[j] : 0);
    if (aside) other[g.row * second + j - first] = out;
    else y[g.row * width + j] = adding ? y[g.row * width + j] + out : out;
  }
}

// The gradient of x before it was normalized, from that of y; dx may be dy.
GPU_KERNEL norm_backward(const float *dy, const float *x, const float *deviation, const float *alpha, float *dx, int first,
                         int second, long long rows) {
  Group g = find_group(first, second);
  if (g.row >= rows) return;
  long long at = g.row * (first + second);
  float sum = 0, product = 0, count = (float)(g.to - g.from);
  for (int j = g.from + g.lane; j < g.to; j += 32) {
    sum += dy[at + j] * alpha[j];
    product += dy[at + j] * alpha[j] * x[at + j];
  }
  float mean = warp_sum(sum) / count, slope = warp_sum(product) / count;
  float inverse = deviation[g.row * (second > 0 ? 2 : 1) + g.number];
  for (int j = g.from + g.lane; j < g.to; j += 32) dx[at + j] = (dy[at + j] * alpha[j] - mean - x[at + j] * slope) * inverse;
}

// alpha[j] += Σ over rows of dy[row, j]·x[row, j]; beta[j] += Σ dy[row, j], where not null. A block has 32 columns, eight threads each.
GPU_KERNEL norm_gradients(const float *dy, const float *x, float *alpha, float *GPU_OPTIONAL beta, long long rows, int columns) {
  GPU_SHARED(float, partial);
  int thread = gpu_thread(), lane = thread / 32, column = gpu_block() * 32 + thread % 32;
  float product = 0, sum = 0;
  if (column < columns)
    for (long long row = lane; row < rows; row += 8) {
      product = gpu_fma(dy[row * columns + column], x[row * columns + column], product);
      sum += dy[row * columns + column];
    }
  partial[thread] = product;
  partial[256 + thread] = sum;
  gpu_barrier();
  if (lane > 0 || column >= columns) return;
  for (int other = 1; other < 8; other++) {
    product += partial[other * 32 + thread];
    sum += partial[256 + other * 32 + thread];
  }
  alpha[column] += product;
  if (beta) beta[column] += sum;
}
