// What matrix products are made of: float32, or with RK_BF16 pairs of bfloat16 with float32 accumulation.
//
// Where a processor can't multiply pairs, they are float32 multiplications of the rounded numbers, the upper one of a pair first: those
// of A are two floats from the start (APART), those of B are taken apart as they are loaded. That costs two operations for a vector of B,
// reads half as much of it, and has the bits of the processors that can.
//
// A pair holds two neighbours along the inner index in 32 bits, the first in the low half, and passes as a float: packed
// operands have the same layout either way, with half the depth for pairs (an odd end is filled up with zero). Operands are rounded to
// nearest, ties to even, as they are packed; what is not a product stays float32.
#if RK_BF16
#define ELEMENTS 2
#define INNER(n) (((n) + 1) / 2)
#if RK_NATIVE_BF16
RK_INLINE vf v_spread(const float *p) { return (vf)_mm512_set1_epi32(*(const int32_t *)p); }
RK_INLINE vf v_multiply_add(vf x, vf y, vf c) { return (vf)_mm512_dpbf16_ps((__m512)c, (__m512bh)x, (__m512bh)y); }
RK_INLINE vf v_pairs(vf low, vf high) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4,
                                         19, 3, 18, 2, 17, 1, 16, 0);
  return (vf)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}
// 2·VW neighbours as VW pairs.
RK_INLINE vf v_neighbours(vf first, vf second) { return (vf)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first); }
#else
RK_INLINE vf v_spread(const float *p) { return (vf)(*(const int32_t *)p - (vi){}); }
#if RK_LONG_BF16
RK_INLINE vf v_multiply_add(vf x, vf y, vf c) {
  c = (vf)vbfmlaltq_f32((float32x4_t)c, (bfloat16x8_t)x, (bfloat16x8_t)y);
  return (vf)vbfmlalbq_f32((float32x4_t)c, (bfloat16x8_t)x, (bfloat16x8_t)y);
}
#else
RK_INLINE vf v_multiply_add(vf x, vf y, vf c) {
  const int32_t high = (int32_t)0xffff0000;
  c = v_fma((vf)((vi)x & high), (vf)((vi)y & high), c);
  return v_fma((vf)((vi)x << 16), (vf)((vi)y << 16), c);
}
#endif
#if !RK_LONG_BF16
#define APART 2
// The upper numbers of pairs of B, then the lower ones. Each is loaded anew: kept, they would push a tile out of its registers, and so
// would a mask where the tile is `full`.
RK_INLINE vf v_apart(const float *b, const int pass, const int full) {
  if (pass) __asm__("" : "+r"(b));
  vi pairs = (vi)v_load(b);
  if (pass) return (vf)(pairs << 16);
#if RK_FMA && VW == 8
  if (full) {
    __m256i upper = _mm256_srli_epi32((__m256i)pairs, 16);
    __asm__("" : "+x"(upper));
    return (vf)_mm256_slli_epi32(upper, 16);
  }
#endif
  return (vf)(pairs & (int32_t)0xffff0000);
}
RK_INLINE vf v_step(vf x, vf y, vf c) { return v_fma(x, y, c); }
#endif
// The upper 16 bits of the result are x rounded, the lower ones are zero. NaN stays NaN.
RK_INLINE vi v_rounded(vf x) {
  vi bits = (vi)x, nearest = bits + 0x7fff + ((bits >> 16) & 1);
  return (vi)v_select(x == x, (vf)nearest, (vf)(bits | 0x400000)) & (int32_t)0xffff0000;
}
typedef uint32_t vu __attribute__((vector_size(VW * 4)));
RK_INLINE vf v_pairs(vf low, vf high) { return (vf)((vu)v_rounded(high) | (vu)v_rounded(low) >> 16); }
RK_INLINE vf v_neighbours(vf first, vf second) {
#if VW == 16
  vf low = __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  vf high = __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif VW == 8
  vf low = __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14);
  vf high = __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  vf low = __builtin_shufflevector(first, second, 0, 2, 4, 6);
  vf high = __builtin_shufflevector(first, second, 1, 3, 5, 7);
#endif
  return v_pairs(low, high);
}
#endif
#else
#define ELEMENTS 1
#define INNER(n) (n)
RK_INLINE vf v_spread(const float *p) { return v_set(*p); }
RK_INLINE vf v_multiply_add(vf x, vf y, vf c) { return v_fma(x, y, c); }
#endif

// Passes over an operand of A and B, and how many floats it is in A.
#ifndef APART
#define APART 1
RK_INLINE vf v_apart(const float *b, const int pass, const int full) { return v_load(b); }
RK_INLINE vf v_step(vf x, vf y, vf c) { return v_multiply_add(x, y, c); }
#endif

#if RK_BF16 && APART == 2
RK_INLINE vf v_neighbours_swapped(vf x) {
#if VW == 16
  return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif VW == 8
  return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
#else
  return __builtin_shufflevector(x, x, 1, 0, 3, 2);
#endif
}
// Rounds n floats that lie `stride` apart to INNER(n) operands of A.
RK_INLINE void round_row(const float *x, ptrdiff_t stride, ptrdiff_t n, float *operands) {
  for (ptrdiff_t i = 0; i < n; i += VW) {
    float some[VW];
    const float *from = x + i;
    int left = (int)(n - i < VW ? n - i : VW);
    if (stride != 1) {
      for (int j = 0; j < left; j++) some[j] = x[(i + j) * stride];
      from = some;
    }
    v_store_n(operands + i, v_neighbours_swapped((vf)v_rounded(v_load_n(from, left))), (left + 1) / 2 * 2);
  }
}
#elif RK_BF16
// Rounds n floats that lie `stride` apart to INNER(n) pairs of neighbours.
RK_INLINE void round_row(const float *x, ptrdiff_t stride, ptrdiff_t n, float *pairs) {
  for (ptrdiff_t i = 0; i < n; i += 2 * VW, pairs += VW) {
    float some[2 * VW];
    const float *from = x + i;
    ptrdiff_t left = n - i;
    if (stride != 1) {
      for (ptrdiff_t j = 0; j < 2 * VW; j++) some[j] = j < left ? x[(i + j) * stride] : 0;
      from = some;
    }
    if (left >= 2 * VW) {
      v_store(pairs, v_neighbours(v_load(from), v_load(from + VW)));
    } else {
      vf second = left > VW ? v_load_n(from + VW, (int)left - VW) : v_set(0);
      v_store_n(pairs, v_neighbours(v_load_n(from, (int)left), second), (int)INNER(left));
    }
  }
}
#endif
