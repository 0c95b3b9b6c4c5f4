// Opening a BLAS by the names that its builders give it, and holding its threads at one.
#define _GNU_SOURCE
#include "cblas_found.h"
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "integers behind pointers are passed in 64 bits to libraries of 32: the low half has to come first"
#endif

// A function under the first of its names that is there. OpenBLAS of 64-bit integers may end them in 64_ or _64_, and SciPy's begins
// them with scipy_.
static void *find(void *library, const char *name) {
  static const char *const patterns[] = {"%s", "%s64_", "%s_64", "%s_64_", "scipy_%s", "scipy_%s64_", "scipy_%s_64_", NULL};
  char full[96];
  for (const char *const *pattern = patterns; *pattern != NULL; pattern++) {
    snprintf(full, sizeof full, *pattern, name);
    void *symbol = dlsym(library, full);
    if (symbol != NULL) return symbol;
  }
  return NULL;
}

static void *find_fortran(void *library) {
  static const char *const names[] = {"sgemm_", "sgemm_64_", "sgemm64_", "scipy_sgemm_", "scipy_sgemm_64_", "scipy_sgemm64_", NULL};
  for (const char *const *name = names; *name != NULL; name++) {
    void *symbol = dlsym(library, *name);
    if (symbol != NULL) return symbol;
  }
  return NULL;
}

// One line of at most FB_TEXT bytes that can be shown.
static void describe(fb_library *library, const char *text) {
  size_t i = 0;
  for (; text[i] != 0 && i + 1 < FB_TEXT; i++) library->description[i] = text[i] >= ' ' && text[i] < 127 ? text[i] : ' ';
  while (i > 0 && library->description[i - 1] == ' ') i--;
  library->description[i] = 0;
}

static int count_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  if (tasks == NULL) return 0;
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

// Whether a product of a library that can't be told so computes in its caller alone. A child of this process, which begins with one
// thread, tries it: threads that others start here meanwhile are not counted, and a library that can't stand that is not used.
static int stays_alone(const fb_library *library) {
  enum { SIZE = 256, PATIENCE = 3000 };
  static float a[SIZE * SIZE], c[SIZE * SIZE];
  pid_t child = fork();
  if (child < 0) return 0;
  if (child == 0) {
    fb_multiply(library, 0, 1, SIZE, SIZE, SIZE, a, SIZE, a, SIZE, c, SIZE, 0);
    _exit(count_threads() == 1 ? 0 : 1);
  }
  int status = 1;
  for (int i = 0; i < PATIENCE; i++) {
    if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return 0;
}

static int hold_openblas(void *handle, fb_library *library) {
  void (*threads)(int);
  char *(*text)(void);
  int (*parallel)(void);
  *(void **)&threads = find(handle, "openblas_set_num_threads");
  *(void **)&text = find(handle, "openblas_get_config");
  *(void **)&parallel = find(handle, "openblas_get_parallel");
  if (threads == NULL || text == NULL) return 0;
  threads(1);
  describe(library, text());
  // A build without threads may also lack the locks that several callers need.
  library->several = parallel != NULL && parallel() != 0;
  return 1;
}

static int hold_mkl(void *handle, fb_library *library) {
  enum { SEQUENTIAL = 1, SAME_BITS_ON_THIS_PROCESSOR = 2 };  // MKL_THREADING_SEQUENTIAL, MKL_CBWR_AUTO
  void (*text)(char *, int), (*threads)(int);
  int (*layer)(int), (*reproducible)(int);
  *(void **)&text = dlsym(handle, "MKL_Get_Version_String");
  *(void **)&threads = dlsym(handle, "MKL_Set_Num_Threads");
  *(void **)&layer = dlsym(handle, "MKL_Set_Threading_Layer");
  *(void **)&reproducible = dlsym(handle, "MKL_CBWR_Set");
  if (text == NULL || threads == NULL) return 0;
  // Before any other call: it then needs no OpenMP. Without the other, bits depend on where operands lie in memory.
  if (layer != NULL) layer(SEQUENTIAL);
  if (reproducible != NULL) reproducible(SAME_BITS_ON_THIS_PROCESSOR);
  threads(1);
  char version[FB_TEXT] = "";
  text(version, FB_TEXT - 1);
  describe(library, version);
  library->several = 1;
  return 1;
}

static int hold_blis(void *handle, fb_library *library) {
  void (*threads)(int64_t);
  const char *(*version)(void);
  *(void **)&threads = dlsym(handle, "bli_thread_set_num_threads");
  *(void **)&version = dlsym(handle, "bli_info_get_version_str");
  if (threads == NULL || version == NULL) return 0;
  threads(1);
  char line[FB_TEXT];
  snprintf(line, sizeof line, "BLIS %s", version());
  describe(library, line);
  library->several = 1;
  return 1;
}

// Of a library that can't be asked: its file's name and size.
static void name_file(fb_library *library) {
  struct stat status;
  const char *name = strrchr(library->file, '/');
  char line[FB_TEXT];
  long long size = stat(library->file, &status) == 0 ? (long long)status.st_size : 0;
  snprintf(line, sizeof line, "%.200s of %lld bytes", name == NULL ? library->file : name + 1, size);
  describe(library, line);
}

// OpenBLAS starts its threads while it is opened, as many as the environment says.
static void *open_library(const char *name) {
  const char *variable = "OPENBLAS_NUM_THREADS", *set = getenv(variable);
  char *before = set == NULL ? NULL : strdup(set);
  setenv(variable, "1", 1);
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (before != NULL) setenv(variable, before, 1);
  else unsetenv(variable);
  free(before);
  return handle;
}

enum fb_found fb_load(const char *name, fb_library *library, char *detail, size_t capacity) {
  memset(library, 0, sizeof *library);
  detail[0] = 0;
  void *handle = open_library(name);
  if (handle == NULL) {
    const char *reason = dlerror();
    snprintf(detail, capacity, "%s", reason != NULL ? reason : name);
    return FB_MISSING;
  }
  struct link_map *map = NULL;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) map = NULL;
  snprintf(library->file, sizeof library->file, "%s", map != NULL && map->l_name[0] ? map->l_name : name);
  *(void **)&library->fortran = find_fortran(handle);
  if (library->fortran == NULL) *(void **)&library->cblas = find(handle, "cblas_sgemm");
  if (library->fortran == NULL && library->cblas == NULL) {
    snprintf(detail, capacity, "neither sgemm_ nor cblas_sgemm");
    dlclose(handle);
    return FB_NO_PRODUCT;
  }
  if (hold_openblas(handle, library) || hold_mkl(handle, library) || hold_blis(handle, library)) return FB_READY;
  // Nobody to tell how many threads to take: it must not take any.
  name_file(library);
  if (stays_alone(library)) return FB_READY;
  snprintf(detail, capacity, "threads of its own, and no known way to hold them at one");
  return FB_STARTS_THREADS;
}

void fb_multiply(const fb_library *library, int transpose_a, int transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
                 ptrdiff_t lda, const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, int accumulate) {
  if (m <= 0 || n <= 0) return;
  float one = 1, beta = accumulate ? 1 : 0;
  if (library->cblas != NULL) {
    library->cblas(FB_ROW_MAJOR, transpose_a ? FB_TRANS : FB_NO_TRANS, transpose_b ? FB_TRANS : FB_NO_TRANS, m, n, k, one, a, lda,
                   b, ldb, beta, c, ldc);
    return;
  }
  // By columns, as Fortran has it, a row-major matrix is its transpose: Cᵀ = op(B)ᵀ·op(A)ᵀ.
  int64_t rows = m, columns = n, inner = k, la = lda, lb = ldb, lc = ldc;
  library->fortran(transpose_b ? "T" : "N", transpose_a ? "T" : "N", &columns, &rows, &inner, &one, b, &lb, a, &la, &beta, c, &lc,
                   1, 1);
}
