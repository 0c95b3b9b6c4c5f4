// After the gradients are complete: one decision on reduced values, then one pass over all parameters.

// Σ x² of each block's elements.
GPU_KERNEL squares(const float *x, double *partial, long long count) {
  GPU_SHARED(double, scratch);
  long long start = (long long)gpu_block() * SQUARES_BLOCK;
  double sum = 0;
  for (int k = gpu_thread(); k < SQUARES_BLOCK && start + k < count; k += gpu_threads()) {
    double v = x[start + k];
    sum += v * v;
  }
  sum = block_sum(sum, scratch);
  if (gpu_thread() == 0) partial[gpu_block()] = sum;
}

// Whether the step counts, and what its gradients are multiplied with, by the sum of all squares.
GPU_DEVICE void decide_step(double sum, const step_control *control, step_outcome *outcome) {
  double weight = outcome->weight, norm = sqrt(sum) / weight, all = outcome->loss + weight + sum;
  double clip = control->clip_norm > 0 ? control->clip_norm / (norm + 1e-6) : 1;
  outcome->squares = sum;
  outcome->norm = norm;
  outcome->scale = (float)((clip < 1 ? clip : 1) / weight);
  // all - all is 0 for finite numbers only.
  outcome->result = all - all != 0 ? 1 : weight > 0 ? 0 : 2;
}

// One block.
GPU_KERNEL decide(const double *partial, int blocks, const step_control *control, step_outcome *outcome) {
  GPU_SHARED(double, scratch);
  double sum = 0;
  for (int i = gpu_thread(); i < blocks; i += gpu_threads()) sum += partial[i];
  sum = block_sum(sum, scratch);
  if (gpu_thread() == 0) decide_step(sum, control, outcome);
}

// The gradient that the optimizer sees: the mean, its norm and then its elements kept within their limits.
GPU_DEVICE float limited(float gradient, const step_control *c, const step_outcome *outcome) {
  float d = gradient * outcome->scale;
  return c->clip_value > 0 ? (d < -c->clip_value ? -c->clip_value : d > c->clip_value ? c->clip_value : d) : d;
}

// Kingma & Ba 2015, Loshchilov & Hutter 2019 as in torch.optim.Adam and AdamW: eps outside the root, after bias correction.
GPU_DEVICE void adam_element(long long index, float *parameters, const float *gradients, float *mean, float *square,
                             const step_control *c, const step_outcome *outcome) {
  float w = parameters[index], d = limited(gradients[index], c, outcome);
  if (c->decoupled) w *= 1 - c->lr * c->weight_decay;
  else d = gpu_fma(w, c->weight_decay, d);
  float m = gpu_fma(d - mean[index], c->c1, mean[index]);
  float v = gpu_fma(d * c->c2, d, square[index] * c->beta2);
  mean[index] = m;
  square[index] = v;
  parameters[index] = w - c->adam_step * m / (sqrtf(v) * c->adam_root + c->eps);
}
GPU_KERNEL adam(float *parameters, const float *gradients, float *mean, float *square, const step_control *c,
                const step_outcome *outcome, long long count) {
  long long index = gpu_index();
  if (index < count && outcome->result == 0) adam_element(index, parameters, gradients, mean, square, c, outcome);
}

// torch.optim.SGD: the buffer starts as the first gradient; null without momentum.
GPU_DEVICE void sgd_element(long long index, float *parameters, const float *gradients, float *buffer, const step_control *c,
                            const step_outcome *outcome) {
  float w = parameters[index], d = gpu_fma(w, c->weight_decay, limited(gradients[index], c, outcome));
  if (buffer) {
    float b = c->first_step ? d : gpu_fma(buffer[index], c->momentum, d * c->fresh);
    buffer[index] = b;
    d = c->nesterov ? gpu_fma(b, c->momentum, d) : b;
  }
  parameters[index] = gpu_fma(d, -c->lr, w);
}
GPU_KERNEL sgd(float *parameters, const float *gradients, float *GPU_OPTIONAL buffer, const step_control *c,
               const step_outcome *outcome, long long count) {
  long long index = gpu_index();
  if (index < count && outcome->result == 0) sgd_element(index, parameters, gradients, buffer, c, outcome);
}

// torch.optim.RMSprop, not centered; buffer is null without momentum.
GPU_DEVICE void rmsprop_element(long long index, float *parameters, const float *gradients, float *square, float *buffer,
                                const step_control *c, const step_outcome *outcome) {
  float w = parameters[index], d = gpu_fma(w, c->weight_decay, limited(gradients[index], c, outcome));
  float s = gpu_fma(d * c->c2, d, square[index] * c->beta2);
  square[index] = s;
  d = d / (sqrtf(s) + c->eps);
  if (buffer) {
    d = gpu_fma(buffer[index], c->momentum, d);
    buffer[index] = d;
  }
  parameters[index] = gpu_fma(d, -c->lr, w);
}
GPU_KERNEL rmsprop(float *parameters, const float *gradients, float *square, float *GPU_OPTIONAL buffer, const step_control *c,
                   const step_outcome *outcome, long long count) {
  long long index = gpu_index();
  if (index < count && outcome->result == 0) rmsprop_element(index, parameters, gradients, square, buffer, c, outcome);
}

// An exponential moving average of the parameters: the parameters after the first update, then average ← decay·average +
// (1 - decay)·parameters. As torch.lerp it starts from the nearer end.
GPU_KERNEL follow(float *average, const float *parameters, const step_control *c, const step_outcome *outcome, long long count) {
  long long index = gpu_index();
  if (index >= count || outcome->result) return;
  float a = average[index], w = parameters[index], decay = c->average_decay;
  average[index] = c->first_step ? w : decay > 0.5f ? gpu_fma(1 - decay, w - a, a) : w - (w - a) * decay;
}
