// Dropout masks: Philox4x32-10 (Salmon et al. 2011), VW counters side by side. Whole numbers and one product: every instruction set
// gives the same bits.
typedef uint32_t vu __attribute__((vector_size(VW * 4)));
typedef uint64_t vl __attribute__((vector_size(VW * 8)));

// Four random words for each counter.
RK_INLINE void v_philox(vu c[4], uint64_t key) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    vl a = __builtin_convertvector(c[0], vl) * 0xD2511F53u, b = __builtin_convertvector(c[2], vl) * 0xCD9E8D57u;
    c[0] = __builtin_convertvector(b >> 32, vu) ^ c[1] ^ k0;
    c[2] = __builtin_convertvector(a >> 32, vu) ^ c[3] ^ k1;
    c[1] = __builtin_convertvector(b, vu);
    c[3] = __builtin_convertvector(a, vu);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

static void RK(dropout)(const rk_dropout_block *d, const float *x, float *y, ptrdiff_t width) {
  vu lane;
  for (uint32_t i = 0; i < VW; i++) lane[i] = i;
  for (ptrdiff_t u = 0; u < width; u += 4 * VW) {
    vu c[4] = {((uint32_t)(u >> 2) + lane) | d->block << 28, d->time - (vu){}, d->sample - (vu){}, d->layer - (vu){}};
    v_philox(c, d->key);
    uint32_t words[4][VW] __attribute__((aligned(VW * 4)));
    for (int j = 0; j < 4; j++) memcpy(words[j], &c[j], sizeof(vu));
    ptrdiff_t count = at_most(4 * VW, width - u);
    for (ptrdiff_t i = 0; i < count; i++) y[u + i] = words[i & 3][i >> 2] < d->threshold ? 0.0f : x[u + i] * d->scale;
  }
}
