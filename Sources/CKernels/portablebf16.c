// The portable set with products in bfloat16.
#define RK_BF16 1
#define RK_SUFFIX portablebf16
#define RK_NAME "portable-bf16"
#include "portable.c"
