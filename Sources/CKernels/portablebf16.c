#define VW 4
#define RK_FMA 0
#if defined(__aarch64__)
#define RK_REGISTERS 32
#else
#define RK_REGISTERS 16
#endif
#define RK_BF16 1
#define RK_SUFFIX portablebf16
#define RK_NAME "portable-bf16"
#include "family.h"
