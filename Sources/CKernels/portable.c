// Vector extensions of the compiler only: any processor. Products and sums round separately, whatever the processor could do at
// once, so that the bits are the same on all of them.
#pragma STDC FP_CONTRACT OFF
#define VW 4
#define RK_FMA 0
#if defined(__aarch64__)
#define RK_REGISTERS 32
#else
#define RK_REGISTERS 16
#endif
#ifndef RK_SUFFIX
#define RK_SUFFIX portable
#define RK_NAME "portable"
#endif
#include "family.h"
