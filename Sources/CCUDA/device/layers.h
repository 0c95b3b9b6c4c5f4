// Around the cells: dropout, readouts, activations, sums of columns, batches out of a resident data set.

// Philox4x32-10 (Salmon et al. 2011): four random words for a counter and a key. The processor's masks are the same bits.
GPU_DEVICE void philox(unsigned counter[4], unsigned long long key) {
  unsigned k0 = (unsigned)key, k1 = (unsigned)(key >> 32);
  for (int round = 0; round < 10; round++) {
    unsigned long long a = (unsigned long long)counter[0] * 0xD2511F53u;
    unsigned long long b = (unsigned long long)counter[2] * 0xCD9E8D57u;
    unsigned first = (unsigned)(b >> 32) ^ counter[1] ^ k0, third = (unsigned)(a >> 32) ^ counter[3] ^ k1;
    counter[0] = first;
    counter[1] = (unsigned)b;
    counter[2] = third;
    counter[3] = (unsigned)a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// y = x·mask for x, y [steps, batch, blocks·width]; one thread for four units. A unit is dropped when its random word is below
// threshold; what stays is multiplied with scale. `locked` has one mask for all steps. In place allowed.
GPU_KERNEL dropout(const float *x, float *y, const step_control *control, const int *samples, unsigned layer,
                   unsigned long long threshold, float scale, int steps, int batch, int blocks, int width, int locked) {
  int quads = (width + 3) / 4;
  long long index = gpu_index();
  if (index >= (long long)steps * batch * blocks * quads) return;
  int quad = (int)(index % quads), block = (int)(index / quads % blocks);
  long long row = index / quads / blocks;
  unsigned words[4] = {(unsigned)quad | (unsigned)block << 28, locked ? 0 : (unsigned)(row / batch), (unsigned)samples[row % batch],
                       layer};
  philox(words, control->seed ^ (control->step * 0x9E3779B97F4A7C15ull));
  long long at = (row * blocks + block) * width + 4 * quad;
  for (int j = 0; j < 4 && 4 * quad + j < width; j++) y[at + j] = words[j] < threshold ? 0 : x[at + j] * scale;
}

// What the head reads: x [T, B, D·H] → y [B, T·D·H] or [B, D·H]. kind: 0 last step, 1 final states of both directions, 2 all steps.
// lengths [B]: the sequences' own ends, for kinds 0 and 1; null where all have `steps`.
GPU_KERNEL readout_forward(const float *x, float *y, int kind, int steps, int batch, int directions, int hidden,
                           const int *GPU_OPTIONAL lengths) {
  int width = directions * hidden, taken = kind == 2 ? steps : 1;
  long long index = gpu_index();
  if (index >= (long long)taken * batch * width) return;
  int unit = (int)(index % width);
  long long row = index / width / taken, step = index / width % taken;
  if (kind != 2) step = kind == 1 && unit >= hidden ? 0 : (lengths ? lengths[row] : steps) - 1;
  y[index] = x[(step * batch + row) * width + unit];
}

// Its gradient, zero where nothing was read; one thread for each element of dx.
GPU_KERNEL readout_backward(const float *dy, float *dx, int kind, int steps, int batch, int directions, int hidden,
                            const int *GPU_OPTIONAL lengths) {
  int width = directions * hidden;
  long long index = gpu_index();
  if (index >= (long long)steps * batch * width) return;
  int unit = (int)(index % width);
  long long row = index / width % batch, step = index / width / batch;
  if (kind == 2) {
    dx[index] = dy[(row * steps + step) * width + unit];
    return;
  }
  int read = kind == 1 && unit >= hidden ? 0 : (lengths ? lengths[row] : steps) - 1;
  dx[index] = step == read ? dy[row * width + unit] : 0;
}

// y = f(y + bias), y [rows, width]; kind: 0 nothing, 1 relu, 2 tanh, 3 sigmoid. bias may be null.
GPU_KERNEL activate(const float *x, float *y, const float *GPU_OPTIONAL bias, long long rows, int width, int kind) {
  long long index = gpu_index();
  if (index >= rows * width) return;
  float v = x[index];
  if (bias) v += bias[index % width];
  y[index] = kind == 1 ? (v < 0 ? 0 : v) : kind == 2 ? tanhf(v) : kind == 3 ? sigmoid(v) : v;
}

// dx = dy·f'(x), written with the outputs y; in place allowed.
GPU_KERNEL activate_backward(const float *y, const float *dy, float *dx, long long count, int kind) {
  long long index = gpu_index();
  if (index >= count) return;
  float v = y[index], d = dy[index];
  dx[index] = kind == 1 ? (v > 0 ? d : 0) : kind == 2 ? d * (1 - v * v) : d * v * (1 - v);
}

// y = x + other; y may be one of them.
GPU_KERNEL add(const float *x, const float *other, float *y, long long count) {
  long long index = gpu_index();
  if (index < count) y[index] = x[index] + other[index];
}

// first[j] (and second[j], where not null) += Σ over rows of x[row, j]. A block has 32 columns, eight threads each.
GPU_KERNEL column_sums(const float *x, float *first, float *GPU_OPTIONAL second, long long rows, int columns) {
  GPU_SHARED(float, partial);
  int thread = gpu_thread(), lane = thread / 32, column = gpu_block() * 32 + thread % 32;
  float sum = 0;
  if (column < columns)
    for (long long row = lane; row < rows; row += 8) sum += x[row * columns + column];
  partial[thread] = sum;
  gpu_barrier();
  if (lane > 0 || column >= columns) return;
  for (int other = 1; other < 8; other++) sum += partial[other * 32 + thread];
  first[column] += sum;
  if (second) second[column] += sum;
}

// A batch out of the resident data set: y[t, b] = data[samples[b], t], rows of `width` numbers (or 32-bit words of any kind).
GPU_KERNEL gather(const float *data, const int *samples, float *y, int steps, int batch, int width) {
  long long index = gpu_index();
  if (index >= (long long)steps * batch * width) return;
  int column = (int)(index % width);
  long long row = index / width % batch, step = index / width / batch;
  y[index] = data[((long long)samples[row] * steps + step) * width + column];
}
