#define _GNU_SOURCE
#include "ccuda.h"
#include <dlfcn.h>
#include <link.h>

#define LOOK_UP(symbol, arguments) \
  if (!(*(void **)&functions->symbol = dlsym(library, #symbol))) return #symbol;

const char *ccuda_load_driver(void *library, ccuda_driver *functions) {
  CCUDA_DRIVER(LOOK_UP)
  return 0;
}
const char *ccuda_load_nvrtc(void *library, ccuda_nvrtc *functions) {
  CCUDA_NVRTC(LOOK_UP)
  return 0;
}
const char *ccuda_load_cublaslt(void *library, ccuda_cublaslt *functions) {
  CCUDA_CUBLASLT(LOOK_UP)
  return 0;
}

const char *ccuda_load_cudnn(void *library, ccuda_cudnn *functions) {
  CCUDA_CUDNN(LOOK_UP)
  return 0;
}
const char *ccuda_load_nccl(void *library, ccuda_nccl *functions) {
  CCUDA_NCCL(LOOK_UP)
  return 0;
}

void *ccuda_open(const char *name, int global) { return dlopen(name, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL)); }
const char *ccuda_open_error(void) {
  const char *error = dlerror();
  return error ? error : "unknown error";
}

const char *ccuda_path(void *library) {
  struct link_map *map = 0;
  return dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : 0;
}

size_t ccuda_version(void *library, const char *function) {
  size_t (*version)(void);
  *(void **)&version = dlsym(library, function);
  return version ? version() : 0;
}
int ccuda_version_out(void *library, const char *function) {
  int (*version)(int *), value = 0;
  *(void **)&version = dlsym(library, function);
  return version && version(&value) == 0 ? value : 0;
}
const char *ccuda_status_text(void *library, const char *function, int status) {
  const char *(*text)(int);
  *(void **)&text = dlsym(library, function);
  return text ? text(status) : 0;
}
