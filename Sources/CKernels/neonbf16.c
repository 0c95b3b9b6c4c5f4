// Products in bfloat16 on 64-bit Arm, converted: the bits are those of neonbf16long.c.
#if defined(__aarch64__)
#define VW 4
#define RK_FMA 1
#define RK_REGISTERS 32
#define RK_BF16 1
#define RK_SUFFIX neonbf16
#define RK_NAME "neon-bf16"
#include "family.h"
#endif
