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

RK_INLINE vf v_set(float x) { return x - (vf){}; }  // x - 0 is x, -0 and NaN included
RK_INLINE vf v_load(const float *p) { return *(const vf_unaligned *)p; }
RK_INLINE void v_store(float *p, vf x) { *(vf_unaligned *)p = x; }

// The first n < VW floats; the others are zero.
RK_INLINE vf v_load_part(const float *p, int n) {
  float t[VW] __attribute__((aligned(VW * 4))) = {0};
  memcpy(t, p, (size_t)n * sizeof(float));
  return *(const vf *)t;
}
RK_INLINE void v_store_part(float *p, vf x, int n) {
  float t[VW] __attribute__((aligned(VW * 4)));
  *(vf *)t = x;
  memcpy(p, t, (size_t)n * sizeof(float));
}
RK_INLINE vf v_load_n(const float *p, int n) { return n >= VW ? v_load(p) : v_load_part(p, n); }
RK_INLINE void v_store_n(float *p, vf x, int n) {
  if (n >= VW) v_store(p, x);
  else v_store_part(p, x, n);
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
// NaN stays NaN: a comparison with NaN is false and keeps x.
RK_INLINE vf v_at_most(vf x, float bound) { return v_select(x > v_set(bound), v_set(bound), x); }
RK_INLINE vf v_at_least(vf x, float bound) { return v_select(x < v_set(bound), v_set(bound), x); }
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

// exp(x) - 1 = m + (2^n - 1) with m = 2^n·(exp(r) - 1): returns q = exp(r) - 1 and n, for |x| of at most about 104.
// r = x - n·ln 2 lies within ±0.35; the polynomial is the Taylor series with its last terms refitted (minimax, degree 7).
RK_INLINE vf v_expm1_reduced(vf x, vi *n) {
  const vf magic = v_set(12582912.0f);  // 1.5·2^23: adding it rounds to an integer in the low bits
  vf t = v_fma(x, v_set(1.44269504088896341f), magic);
  vi k = (vi)t - (vi)magic;
  vf kf = t - magic;
  vf r = v_fma(kf, v_set(-0.693359375f), x);
  r = v_fma(kf, v_set(2.12194440054690583e-4f), r);
  vf p = v_set(1.9875691500e-4f);
  p = v_fma(p, r, v_set(1.3981999507e-3f));
  p = v_fma(p, r, v_set(8.3334519073e-3f));
  p = v_fma(p, r, v_set(4.1665795894e-2f));
  p = v_fma(p, r, v_set(1.6666665459e-1f));
  p = v_fma(p, r, v_set(5.0000001201e-1f));
  *n = k;
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

// 1 / (1 + exp(-x)), written with exp(-|x|) so that neither side overflows.
RK_INLINE vf v_sigmoid(vf x) {
  vf e = v_exp(-v_abs(x));
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
