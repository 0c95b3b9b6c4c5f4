// Dropout masks: Philox4x32-10 (Salmon et al. 2011), VW counters side by side. Whole numbers and one product: every instruction set
// gives the same bits.
typedef uint32_t vu __attribute__((vector_size(VW * 4)));
typedef uint64_t vl __attribute__((vector_size(VW * 4)));

// Both halves of x·factor, the even lanes' products and the odd ones' side by side.
RK_INLINE void v_multiply_wide(vu x, uint32_t factor, vu *high, vu *low) {
  const uint64_t mask = 0xffffffff;
  vl even = ((vl)x & mask) * factor, odd = ((vl)x >> 32) * factor;
  *high = (vu)(even >> 32 | (odd & ~mask));
  *low = (vu)((even & mask) | odd << 32);
}

// Four random words for each counter.
RK_INLINE void v_philox(vu c[4], uint64_t key) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    vu a, b, a_low, b_low;
    v_multiply_wide(c[0], 0xD2511F53u, &a, &a_low);
    v_multiply_wide(c[2], 0xCD9E8D57u, &b, &b_low);
    c[0] = b ^ c[1] ^ k0;
    c[2] = a ^ c[3] ^ k1;
    c[1] = b_low;
    c[3] = a_low;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// For each of 4·VW units from `unit` on, 1 where it is dropped.
RK_INLINE void v_dropped(const rk_dropout_block *d, ptrdiff_t unit, uint8_t *dropped) {
  vu lane;
  for (uint32_t i = 0; i < VW; i++) lane[i] = i;
  vu c[4] = {((uint32_t)(unit >> 2) + lane) | d->block << 28, d->time - (vu){}, d->sample - (vu){}, d->layer - (vu){}};
  v_philox(c, d->key);
  // Word j of a counter is that of its j-th unit: a byte of its lane, the low one first.
  vu bytes = {};
  UNROLL for (int j = 0; j < 4; j++) bytes |= (vu)(c[j] < d->threshold) & 1u << 8 * j;
  memcpy(dropped, &bytes, sizeof bytes);
}

static void RK(dropped)(const rk_dropout_block *d, uint8_t *dropped, ptrdiff_t width) {
  ptrdiff_t u = 0;
  for (; u + 4 * VW <= width; u += 4 * VW) v_dropped(d, u, dropped + u);
  uint8_t some[4 * VW];
  if (u < width) v_dropped(d, u, some), memcpy(dropped + u, some, (size_t)(width - u));
}

static void RK(dropout)(const rk_dropout_block *d, const float *x, float *y, ptrdiff_t width) {
  for (ptrdiff_t u = 0; u < width; u += 4 * VW) {
    uint8_t some[4 * VW];
    v_dropped(d, u, some);
    const float *from = x + u;
    float *to = y + u;
    EACH(at_most(4 * VW, width - u),
         v_store_n(to + e, v_select(v_bytes(some + e, N) > v_set(0), v_set(0), v_load_n(from + e, N) * d->scale), N);)
  }
}
