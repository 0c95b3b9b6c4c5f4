#include "ckernels.h"
#include <string.h>

extern const rk_kernels rk_table_portable, rk_table_portablebf16;
#if defined(__x86_64__)
extern const rk_kernels rk_table_avx2, rk_table_avx512, rk_table_avx2bf16, rk_table_avx512bf16;
#endif

const rk_kernels *rk_find(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    return &rk_table_avx512;
  if (!strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &rk_table_avx2;
#endif
  return strcmp(name, "portable") ? 0 : &rk_table_portable;
}

const rk_kernels *rk_best(void) {
  const rk_kernels *table = rk_find("avx512");
  if (!table) table = rk_find("avx2");
  return table ? table : &rk_table_portable;
}

int rk_has_bf16(void) {
#if defined(__x86_64__)
  return rk_find("avx512") && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}

const rk_kernels *rk_bf16(const rk_kernels *table) {
#if defined(__x86_64__)
  if (table == &rk_table_avx512 && rk_has_bf16()) return &rk_table_avx512bf16;
  if (table == &rk_table_avx512 || table == &rk_table_avx2) return &rk_table_avx2bf16;
#endif
  return &rk_table_portablebf16;
}
