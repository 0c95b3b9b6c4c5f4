#include "ckernels.h"

// A unit is dropped when its random word is below p·2^32.
static rk_dropout_block block_of(const rk_dropout *d) {
  return (rk_dropout_block){.key = d->seed ^ (d->step * 0x9E3779B97F4A7C15ull),
                            .layer = d->layer,
                            .threshold = (uint32_t)((double)d->probability * 4294967296.0),
                            .scale = 1.0f / (1.0f - d->probability)};
}

void rk_dropout_apply(const rk_dropout *d, const float *x, float *y, ptrdiff_t steps, ptrdiff_t batch, const ptrdiff_t *offsets,
                      ptrdiff_t stride, ptrdiff_t blocks, ptrdiff_t block_width, ptrdiff_t block_stride, const int32_t *samples) {
  const rk_kernels *kernels = rk_best();
  rk_dropout_block row = block_of(d);
  for (ptrdiff_t t = 0; t < steps; t++) {
    ptrdiff_t start = offsets ? offsets[t] : t * batch, rows = offsets ? offsets[t + 1] - start : batch;
    row.time = (uint32_t)t;
    for (ptrdiff_t b = 0; b < rows; b++) {
      row.sample = (uint32_t)samples[b];
      for (ptrdiff_t block = 0; block < blocks; block++) {
        row.block = (uint32_t)block;
        ptrdiff_t at = (start + b) * stride + block * block_stride;
        kernels->dropout(&row, x + at, y + at, block_width);
      }
    }
  }
}

void rk_dropout_mark(const rk_dropout *d, uint8_t *dropped, ptrdiff_t time, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t width,
                     const int32_t *samples) {
  const rk_kernels *kernels = rk_best();
  rk_dropout_block row = block_of(d);
  row.time = (uint32_t)time;
  for (ptrdiff_t b = 0; b < rows; b++) {
    row.sample = (uint32_t)samples[b];
    kernels->dropped(&row, dropped + b * stride, width);
  }
}
