// bfloat16 on processors that can't multiply it, those with AVX-512 included.
#if defined(__x86_64__)
#include <immintrin.h>
#define VW 8
#define RK_FMA 1
#define RK_REGISTERS 16
#define RK_BF16 1
#define RK_SUFFIX avx2bf16
#define RK_NAME "avx2-bf16"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "family.h"
#pragma clang attribute pop
#endif
