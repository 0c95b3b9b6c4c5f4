// 64-bit Arm: NEON, which every such processor has. Its products are those of AVX2 and AVX-512, bit for bit.
#if defined(__aarch64__)
#define VW 4
#define RK_FMA 1
#define RK_REGISTERS 32
#define RK_SUFFIX neon
#define RK_NAME "neon"
#include "family.h"
#endif
