#include "ckernels.h"

// Philox4x32-10 (Salmon et al. 2011): four random words for a counter and a key.
static void philox(uint32_t counter[4], uint64_t key) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t)counter[0] * 0xD2511F53u, b = (uint64_t)counter[2] * 0xCD9E8D57u;
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ counter[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ counter[3] ^ k1,
                        (uint32_t)a};
    for (int i = 0; i < 4; i++) counter[i] = next[i];
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

void rk_dropout_apply(const rk_dropout *d, const float *x, float *y, ptrdiff_t steps, ptrdiff_t batch, const ptrdiff_t *offsets,
                      ptrdiff_t stride, ptrdiff_t blocks, ptrdiff_t block_width, ptrdiff_t block_stride,
                      const int32_t *samples) {
  // A unit is dropped when its random word is below p·2^32.
  uint64_t threshold = (uint64_t)((double)d->probability * 4294967296.0);
  float scale = 1.0f / (1.0f - d->probability);
  uint64_t key = d->seed ^ (d->step * 0x9E3779B97F4A7C15ull);
  for (ptrdiff_t t = 0; t < steps; t++) {
    ptrdiff_t start = offsets ? offsets[t] : t * batch, rows = offsets ? offsets[t + 1] - start : batch;
    for (ptrdiff_t b = 0; b < rows; b++) {
      const float *from = x + (start + b) * stride;
      float *to = y + (start + b) * stride;
      for (ptrdiff_t block = 0; block < blocks; block++)
        for (ptrdiff_t u = 0; u < block_width; u += 4) {
          uint32_t words[4] = {(uint32_t)(u >> 2) | (uint32_t)block << 28, (uint32_t)t,
                               (uint32_t)samples[b], d->layer};
          philox(words, key);
          for (ptrdiff_t j = 0; j < 4 && u + j < block_width; j++) {
            ptrdiff_t at = block * block_stride + u + j;
            to[at] = words[j] < threshold ? 0.0f : from[at] * scale;
          }
        }
    }
  }
}
