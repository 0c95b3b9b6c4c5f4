// Vectors of VW floats and the few operations the kernels are written in.
//
// This file is included once per instruction set, after VW, RK_SUFFIX and the target attribute have been set. Everything is
// static and inlined, so the same source becomes AVX-512, AVX2 or portable code. A sum is always formed in the same
// order, whatever the instruction set, but only sets with fused multiply-add share their rounding.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RK_INLINE static inline __attribute__((always_inline, unused))
#define RK_JOIN2(a, b) a##b
#define RK_JOIN(a, b) RK_JOIN2(a, b)
#define RK(name) RK_JOIN(rk_##name##_, RK_SUFFIX)
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((vector_size(VW * 4)));
typedef int32_t vi __attribute__((vector_size(VW * 4)));
typedef float vf_unaligned __attribute__((vector_size(VW * 4), aligned(4)));
typedef float vh __attribute__((vector_size(VW * 2)));
typedef float vh_unaligned __attribute__((vector_size(VW * 2), aligned(4)));

RK_INLINE vf v_set(float x) { return x - (vf){}; }  // x - 0 is x, -0 and NaN included
RK_INLINE vf v_load(const float *p) { return *(const vf_unaligned *)p; }
RK_INLINE void v_store(float *p, vf x) { *(vf_unaligned *)p = x; }

// Half a vector: the other half is zero, or left alone.
RK_INLINE vf v_load_half(const float *p) {
  vh h = *(const vh_unaligned *)p;
#if VW == 16
  return __builtin_shufflevector(h, (vh){}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif VW == 8
  return __builtin_shufflevector(h, (vh){}, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return __builtin_shufflevector(h, (vh){}, 0, 1, 2, 3);
#endif
}
RK_INLINE void v_store_half(float *p, vf x) {
#if VW == 16
  *(vh_unaligned *)p = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
#elif VW == 8
  *(vh_unaligned *)p = __builtin_shufflevector(x, x, 0, 1, 2, 3);
#else
  *(vh_unaligned *)p = __builtin_shufflevector(x, x, 0, 1);
#endif
}

// The first n < VW floats; the others are zero.
#if RK_FMA && VW == 16
RK_INLINE vf v_load_part(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
RK_INLINE void v_store_part(float *p, vf x, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }
#elif RK_FMA && VW == 8
static const int32_t RK(first)[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
RK_INLINE __m256i first_n(int n) { return _mm256_loadu_si256((const __m256i *)(RK(first) + 8 - n)); }
RK_INLINE vf v_load_part(const float *p, int n) { return _mm256_maskload_ps(p, first_n(n)); }
RK_INLINE void v_store_part(float *p, vf x, int n) { _mm256_maskstore_ps(p, first_n(n), x); }
#else
RK_INLINE vf v_load_part(const float *p, int n) {
  if (n == VW / 2) return v_load_half(p);
  vf x = {};
  for (int i = 0; i < n; i++) x[i] = p[i];
  return x;
}
RK_INLINE void v_store_part(float *p, vf x, int n) {
  if (n == VW / 2) v_store_half(p, x);
  else
    for (int i = 0; i < n; i++) p[i] = x[i];
}
#endif
RK_INLINE vf v_load_n(const float *p, int n) { return n >= VW ? v_load(p) : v_load_part(p, n); }
RK_INLINE void v_store_n(float *p, vf x, int n) {
  if (n >= VW) v_store(p, x);
  else v_store_part(p, x, n);
}
// n small whole numbers, at most VW.
typedef uint8_t vb __attribute__((vector_size(VW)));
RK_INLINE vf v_bytes(const uint8_t *p, const int n) {
  vb b = {};
  if (n >= VW) memcpy(&b, p, VW);
  else memcpy(&b, p, (size_t)n);
  return __builtin_convertvector(b, vf);
}
// The units of a hidden layer come in whole vectors, but for a half one at the end; `half` is a literal at each place of use.
RK_INLINE vf u_load(const float *p, const int half) { return half ? v_load_half(p) : v_load(p); }
RK_INLINE void u_store(float *p, vf x, const int half) {
  if (half) v_store_half(p, x);
  else v_store(p, x);
}

// The units of MR rows `stride` apart: whole vectors, halves, or (TWO) the halves of two rows as one vector.
enum { TWO = 2 };
RK_INLINE vf v_two(vf first, vf second) {
#if VW == 16
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
#elif VW == 8
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
#else
  return __builtin_shufflevector(first, second, 0, 1, 4, 5);
#endif
}
RK_INLINE vf v_second_half(vf x) {
#if VW == 16
  return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
#elif VW == 8
  return __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7);
#else
  return __builtin_shufflevector(x, x, 2, 3, 2, 3);
#endif
}
RK_INLINE vf rows_load(const float *p, ptrdiff_t stride, int r, const int part) {
  if (part == TWO) return v_two(v_load_half(p + 2 * r * stride), v_load_half(p + (2 * r + 1) * stride));
  return u_load(p + r * stride, part);
}
RK_INLINE void rows_store(float *p, ptrdiff_t stride, int r, vf x, const int part) {
  if (part == TWO) {
    v_store_half(p + 2 * r * stride, x);
    v_store_half(p + (2 * r + 1) * stride, v_second_half(x));
  } else {
    u_store(p + r * stride, x, part);
  }
}

// Takes element i of a and of b in turn, from the first half of both, or the second.
#if VW == 16
#define v_first_halves(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define v_second_halves(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif VW == 8
#define v_first_halves(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define v_second_halves(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define v_first_halves(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define v_second_halves(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif
// x[r][c] and x[c][r] change places. Each round moves the highest bit of a row's number to the end of the column's, and back.
RK_INLINE void v_transpose(vf x[VW]) {
  UNROLL for (int round = VW; round > 1; round /= 2) {
    vf y[VW];
    UNROLL for (int i = 0; i < VW / 2; i++) {
      y[2 * i] = v_first_halves(x[i], x[i + VW / 2]);
      y[2 * i + 1] = v_second_halves(x[i], x[i + VW / 2]);
    }
    UNROLL for (int i = 0; i < VW; i++) x[i] = y[i];
  }
}

// a·b + c: one rounding where the instruction set has it, else two (never left to the compiler's choice).
RK_INLINE vf v_fma(vf a, vf b, vf c) {
#if RK_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
#pragma clang fp contract(off)
  return a * b + c;
#endif
}
RK_INLINE vf v_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
// NaN stays NaN: a comparison with NaN is false and keeps x, and so do the instructions, which then give their second operand.
#if RK_FMA && VW == 16
RK_INLINE vf v_at_most(vf x, float bound) { return (vf)_mm512_min_ps((__m512)v_set(bound), (__m512)x); }
RK_INLINE vf v_at_least(vf x, float bound) { return (vf)_mm512_max_ps((__m512)v_set(bound), (__m512)x); }
#elif RK_FMA && VW == 8
RK_INLINE vf v_at_most(vf x, float bound) { return (vf)_mm256_min_ps((__m256)v_set(bound), (__m256)x); }
RK_INLINE vf v_at_least(vf x, float bound) { return (vf)_mm256_max_ps((__m256)v_set(bound), (__m256)x); }
#else
RK_INLINE vf v_at_most(vf x, float bound) { return v_select(v_set(bound) < x, v_set(bound), x); }
RK_INLINE vf v_at_least(vf x, float bound) { return v_select(v_set(bound) > x, v_set(bound), x); }
#endif
RK_INLINE vf v_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }
RK_INLINE vf v_sqrt(vf x) { return __builtin_elementwise_sqrt(x); }

// Sums the lanes pairwise, in the same order for each VW.
RK_INLINE float v_sum(vf x) {
  float t[VW] __attribute__((aligned(VW * 4)));
  *(vf *)t = x;
  for (int w = VW / 2; w; w /= 2)
    for (int i = 0; i < w; i++) t[i] += t[i + w];
  return t[0];
}

// exp(r) - 1 and n with x = n·ln 2 + r, |r| at most 0.347: a polynomial of degree 6, exact to 2.6e-8 of its value.
RK_INLINE vf v_expm1_reduced(vf x, vi *n) {
  const vf magic = v_set(12582912.0f);  // 1.5·2^23: adding it rounds to an integer in the low bits
  vf t = v_fma(x, v_set(1.44269504088896341f), magic);
  vf k = t - magic;
  vf r = v_fma(k, v_set(-0.693359375f), x);
  r = v_fma(k, v_set(2.12194440054690583e-4f), r);
  vf p = v_fma(r, v_set(1.3926213141530752e-3f), v_set(8.363203145563602e-3f));
  p = v_fma(p, r, v_set(4.1666556149721146e-2f));
  p = v_fma(p, r, v_set(1.6666576266288757e-1f));
  p = v_fma(p, r, v_set(0.5f));
  *n = (vi)t - (vi)magic;
  return v_fma(p * r, r, r);
}
// 2^n for n in -126...127.
RK_INLINE vf v_pow2(vi n) { return (vf)((n + 127) << 23); }

// exp(x): a few ulp over the whole range, denormal results included; inf above 88.73, 0 below -104.
RK_INLINE vf v_exp(vf x) {
  x = v_at_most(v_at_least(x, -104.0f), 89.0f);
  vi n;
  vf q = v_expm1_reduced(x, &n);
  vi half = n >> 1;
  return (q + 1.0f) * v_pow2(half) * v_pow2(n - half);
}

// 1 / (1 + exp(-x)), written with e = exp(-|x|) so that neither side overflows; results below 2^-126 become 0.
RK_INLINE vf v_sigmoid(vf x) {
  vi n;
  vf q = v_expm1_reduced(v_at_least(-v_abs(x), -88.0f), &n);  // at -88 n is -127, and v_pow2(-127) is 0
  vf e = v_fma(q, v_pow2(n), v_pow2(n));
  return v_select(x < v_set(0.0f), e, v_set(1.0f)) / (e + 1.0f);
}

// tanh(x) = m / (m + 2) with m = exp(2|x|) - 1, which keeps its relative accuracy down to denormals.
RK_INLINE vf v_tanh(vf x) {
  vf y = v_at_most(v_abs(x) * 2.0f, 40.0f);
  vi n;
  vf q = v_expm1_reduced(y, &n);
  vf s = v_pow2(n);
  vf m = v_fma(q, s, s - 1.0f);
  vf r = m / (m + 2.0f);
  return (vf)((vi)r | ((vi)x & (int32_t)0x80000000));
}
