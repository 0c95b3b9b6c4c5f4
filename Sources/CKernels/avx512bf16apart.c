// bfloat16 with AVX-512 on processors that can't multiply it, or only at less than float32's speed; in the bits of those that can.
#if defined(__x86_64__)
#include <immintrin.h>
#define VW 16
#define RK_FMA 1
#define RK_REGISTERS 32
#define RK_BF16 1
#define RK_SUFFIX avx512bf16apart
#define RK_NAME "avx512-bf16"
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#include "family.h"
#pragma clang attribute pop
#endif
