#if defined(__x86_64__)
#include <immintrin.h>
#define VW 8
#define RK_FMA 1
#define RK_REGISTERS 16
#define RK_SUFFIX avx2
#define RK_NAME "avx2"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "family.h"
#pragma clang attribute pop
#endif
