#include "cmemory.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int as_json, exit_code = 69;
static void (*clean)(void);

void cmemory_begin(int json, int code, void (*cleanup)(void)) {
  as_json = json;
  exit_code = code;
  clean = cleanup;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_SANITIZER)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

_Noreturn static void end(size_t bytes) {
  static const char words[] =
      "bytes more of memory can't be had (ulimit -v, a container's limit or the machine's);"
      " make the model, the batch or the data smaller";
  static char line[512];
  if (clean) clean();
  int count = 0;
  if (as_json) {
    count = snprintf(line, sizeof line, "{\"error\":\"%zu %s\",\"exit_code\":%d}\n", bytes, words, exit_code);
    if (write(1, line, (size_t)count) < 0) count = 0;
  }
  count = snprintf(line, sizeof line, "recur: %zu %s\n", bytes, words);
  if (write(2, line, (size_t)count) < 0) count = 0;
  _exit(exit_code);
}

static void *checked(void *memory, size_t bytes) {
  if (!memory && bytes) end(bytes);
  return memory;
}

void *malloc(size_t bytes) { return checked(__libc_malloc(bytes), bytes); }

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
  return checked(__libc_calloc(count, size), bytes);
}

void *realloc(void *old, size_t bytes) { return checked(__libc_realloc(old, bytes), bytes); }

void *memalign(size_t alignment, size_t bytes) { return checked(__libc_memalign(alignment, bytes), bytes); }

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  if (alignment % sizeof(void *) || alignment & (alignment - 1) || !alignment) return EINVAL;
  *memory = memalign(alignment, bytes);
  return 0;
}

#endif
