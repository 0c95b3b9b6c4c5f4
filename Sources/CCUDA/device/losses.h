// Losses as sums, with the gradient of the sum. Each block or row leaves {loss, weight, right, counted} in `partial`; loss_total
// adds them up in a fixed order.

// Elements one block of loss_values covers, and of squares.
#define LOSS_BLOCK 1024
#define SQUARES_BLOCK 4096

// kind: 0 squared error, 1 absolute error, 2 Huber (delta), 3 binary cross entropy with logits.
GPU_DEVICE double value_loss(float x, float y, int kind, float delta, float *slope) {
  float d = x - y, size = fabsf(d);
  switch (kind) {
    case 0:
      *slope = 2 * d;
      return (double)d * d;
    case 1:
      *slope = d > 0 ? 1 : d < 0 ? -1 : d;
      return size;
    case 2:
      *slope = size <= delta ? d : d > 0 ? delta : d < 0 ? -delta : d;
      return size <= delta ? 0.5 * d * d : (double)delta * (size - 0.5 * (double)delta);
    default:
      *slope = sigmoid(x) - y;
      return (double)((x > 0 ? x : x < 0 ? 0 : x) - x * y) + log1p(exp(-(double)fabsf(x)));
  }
}

// lengths: null, or [batch] where a row of `width` values is a step of a sequence: steps past its end don't count.
GPU_KERNEL loss_values(const float *outputs, const float *values, float *gradient, double *partial, long long count, int kind,
                       float delta, const int *GPU_OPTIONAL lengths, int batch, int width) {
  GPU_SHARED(double, scratch);
  long long start = (long long)gpu_block() * LOSS_BLOCK;
  double loss = 0, right = 0, here = 0;
  for (int k = gpu_thread(); k < LOSS_BLOCK && start + k < count; k += gpu_threads()) {
    float slope;
    long long row = (start + k) / width;
    if (is_past(lengths, (int)(row % batch), (int)(row / batch))) {
      gradient[start + k] = 0;
      continue;
    }
    here += 1;
    loss += value_loss(outputs[start + k], values[start + k], kind, delta, &slope);
    if (kind == 3) right += (outputs[start + k] > 0) == (values[start + k] > 0.5f);
    gradient[start + k] = slope;
  }
  loss = block_sum(loss, scratch);
  right = block_sum(right, scratch);
  here = block_sum(here, scratch);
  if (gpu_thread() > 0) return;
  double *p = partial + 4ll * gpu_block();
  p[0] = loss;
  p[1] = here;
  p[2] = right;
  p[3] = kind == 3 ? here : 0;
}

// -Σ tⱼ·log pⱼ with tⱼ = (1 - ε)·w_y·[j = y] + ε/C·wⱼ; its slope is pⱼ·Σt - tⱼ. One row x [width], whose gradient goes to d; a warp does it
// together, and its first lane fills p with {loss, weight, right, counted}.
// weights [width] may be null; weight_sum is their sum, or width.
GPU_DEVICE void class_loss(const float *x, int label, const float *weights, float *d, double *p, int width, int ignored,
                           float smoothing, float weight_sum) {
  int lane = gpu_thread() % 32;
  if (label == ignored) {
    for (int j = lane; j < width; j += 32) d[j] = 0;
    if (lane == 0) p[0] = p[1] = p[2] = p[3] = 0;
    return;
  }
  float top = x[0];
  int best = 0;
  for (int j = lane; j < width; j += 32)
    if (x[j] > top) {
      top = x[j];
      best = j;
    }
  for (int lanes = 16; lanes; lanes /= 2) {
    float value = gpu_shuffle_xor(top, lanes);
    int at = gpu_shuffle_xor(best, lanes);
    if (value > top || (value == top && at < best)) {
      top = value;
      best = at;
    }
  }
  float sum = 0;
  for (int j = lane; j < width; j += 32) sum += expf(x[j] - top);
  for (int lanes = 16; lanes; lanes /= 2) sum += gpu_shuffle_xor(sum, lanes);
  float log_sum = top + logf(sum), share = smoothing / (float)width;
  float weight = weights ? weights[label] : 1, mass = (1 - smoothing) * weight + (smoothing > 0 ? share * weight_sum : 0);
  double smooth = 0;
  for (int j = lane; j < width; j += 32) {
    float w = weights ? weights[j] : 1;
    d[j] = expf(x[j] - top) / sum * mass - share * w - (j == label ? (1 - smoothing) * weight : 0);
    smooth += (double)w * (log_sum - x[j]);
  }
  for (int lanes = 16; lanes; lanes /= 2) smooth += gpu_shuffle_xor(smooth, lanes);
  if (lane > 0) return;
  p[0] = (double)((1 - smoothing) * weight) * (log_sum - x[label]) + smooth * share;
  p[1] = weight;
  p[2] = best == label;
  p[3] = 1;
}

// One warp for each row.
GPU_KERNEL loss_classes(const float *outputs, const int *classes, const float *GPU_OPTIONAL weights, float *gradient,
                        double *partial, int rows, int width, int ignored, float smoothing, float weight_sum) {
  int row = gpu_block() * 8 + gpu_thread() / 32;
  if (row >= rows) return;
  long long at = (long long)row * width;
  class_loss(outputs + at, classes[row], weights, gradient + at, partial + 4ll * row, width, ignored, smoothing, weight_sum);
}

// Adds the sums of `count` partials to the step's. One block.
GPU_KERNEL loss_total(const double *partial, long long count, step_outcome *outcome) {
  GPU_SHARED(double, scratch);
  double sums[4] = {0, 0, 0, 0};
  for (long long i = gpu_thread(); i < count; i += gpu_threads())
    for (int k = 0; k < 4; k++) sums[k] += partial[4 * i + k];
  for (int k = 0; k < 4; k++) sums[k] = block_sum(sums[k], scratch);
  if (gpu_thread() > 0) return;
  outcome->loss += sums[0];
  outcome->weight += sums[1];
  outcome->right += sums[2];
  outcome->counted += sums[3];
}
