#include "ckernels.h"
#include <string.h>

extern const rk_kernels rk_table_portable;
#if defined(__x86_64__)
extern const rk_kernels rk_table_avx2, rk_table_avx512;
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
