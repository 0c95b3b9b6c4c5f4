// Products in bfloat16 on 64-bit Arm by the processor's own BFMLALT and BFMLALB: one fused multiply-add in float32 each, rounded as
// float32's own ("honors all the control bits in the FPCR", Arm Architecture Reference Manual), unlike BFDOT.
#if defined(__aarch64__)
#include <arm_neon.h>
#define VW 4
#define RK_FMA 1
#define RK_REGISTERS 32
#define RK_BF16 1
#define RK_LONG_BF16 1
#define RK_SUFFIX neonbf16long
#define RK_NAME "neon-bf16"
#pragma clang attribute push(__attribute__((target("bf16"))), apply_to = function)
#include "family.h"
#pragma clang attribute pop
#endif
