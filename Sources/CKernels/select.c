#include "ckernels.h"
#include <string.h>

extern const rk_kernels rk_table_portable, rk_table_portablebf16;
#if defined(__x86_64__)
extern const rk_kernels rk_table_avx2, rk_table_avx512, rk_table_avx2bf16, rk_table_avx512bf16;
#elif defined(__aarch64__)
extern const rk_kernels rk_table_neon, rk_table_neonbf16, rk_table_neonbf16long;
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#endif

const rk_kernels *rk_find(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    return &rk_table_avx512;
  if (!strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &rk_table_avx2;
#elif defined(__aarch64__)
  if (!strcmp(name, "neon")) return &rk_table_neon;
#endif
  return strcmp(name, "portable") ? 0 : &rk_table_portable;
}

const rk_kernels *rk_best(void) {
  static const char *const fastest_first[] = {"avx512", "avx2", "neon"};
  for (size_t i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++) {
    const rk_kernels *table = rk_find(fastest_first[i]);
    if (table) return table;
  }
  return &rk_table_portable;
}

int rk_has_bf16(void) {
#if defined(__x86_64__)
  return rk_find("avx512") && __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP2) >> 14) & 1;  // HWCAP2_BF16
#elif defined(__aarch64__) && defined(__APPLE__)
  int has = 0;
  size_t size = sizeof has;
  return !sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, 0, 0) && has;
#else
  return 0;
#endif
}

const rk_kernels *rk_bf16(const rk_kernels *table) {
#if defined(__x86_64__)
  if (table == &rk_table_avx512 && rk_has_bf16()) return &rk_table_avx512bf16;
  if (table == &rk_table_avx512 || table == &rk_table_avx2) return &rk_table_avx2bf16;
#elif defined(__aarch64__)
  if (table == &rk_table_neon) return rk_has_bf16() ? &rk_table_neonbf16long : &rk_table_neonbf16;
#endif
  (void)table;
  return &rk_table_portablebf16;
}
