#if defined(__x86_64__)
#include <immintrin.h>
#define VW 16
#define RK_FMA 1
#define RK_REGISTERS 32
#define RK_BF16 1
#define RK_NATIVE_BF16 1
#define RK_SUFFIX avx512bf16
#define RK_NAME "avx512-bf16"
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma"))), apply_to = function)
#include "family.h"
#pragma clang attribute pop
#endif
