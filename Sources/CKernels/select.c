#include "ckernels.h"
#include <stdatomic.h>
#include <string.h>
#include <time.h>

extern const rk_kernels rk_table_portable, rk_table_portablebf16;
#if defined(__x86_64__)
extern const rk_kernels rk_table_avx2, rk_table_avx512, rk_table_avx2bf16, rk_table_avx512bf16, rk_table_avx512bf16apart;
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

#if defined(__x86_64__)
// Nanoseconds of a multiply-add by a table, the fastest of some tries of microseconds.
static double fastest(const rk_kernels *table, double before) {
  enum { ROUNDS = 2000 };
  float sink[64] = {0};
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  double operations = table->peak(ROUNDS, sink);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double each = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / operations;
  return each < before ? each : before;
}

// Whether the processor's own multiplication of bfloat16 is worth its while: some do it at half of float32's speed. The bits are the
// same either way.
static int native_pays(void) {
  static _Atomic int known;  // 1 yes, 2 no: the answer stays the same for a run
  int answer = atomic_load(&known);
  if (answer) return answer == 1;
  double native = 1e30, apart = 1e30;
  for (int i = 0; i < 20; i++) {
    native = fastest(&rk_table_avx512bf16, native);
    apart = fastest(&rk_table_avx512, apart);
  }
  int nobody = 0;
  atomic_compare_exchange_strong(&known, &nobody, native < apart ? 1 : 2);
  return atomic_load(&known) == 1;
}
#endif

const rk_kernels *rk_bf16(const rk_kernels *table) {
#if defined(__x86_64__)
  if (table == &rk_table_avx512) return rk_has_bf16() && native_pays() ? &rk_table_avx512bf16 : &rk_table_avx512bf16apart;
  if (table == &rk_table_avx2) return &rk_table_avx2bf16;
#elif defined(__aarch64__)
  if (table == &rk_table_neon) return rk_has_bf16() ? &rk_table_neonbf16long : &rk_table_neonbf16;
#endif
  (void)table;
  return &rk_table_portablebf16;
}
