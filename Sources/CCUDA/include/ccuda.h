// What recur needs of NVIDIA's libraries, found at run time: no CUDA is needed to build.
//
// The declarations are recur's own; a test compares each one with the vendor's headers where those are installed. Status codes are
// int with 0 for success in every library, handles are pointers, device addresses 64-bit numbers.
#ifndef CCUDA_H
#define CCUDA_H
#include <stddef.h>
#include <stdint.h>
#include "fused_shape.h"
#include "step_control.h"

#pragma clang assume_nonnull begin

typedef void *_Nullable ccuda_handle;
typedef uint64_t ccuda_address;
typedef void *_Nullable *_Nullable ccuda_pointers;

// CUlaunchConfig and CUlaunchAttribute: a kernel's shape, and what it asks for beyond that.
typedef struct {
  unsigned id, padding;
  unsigned value[16];
} ccuda_launch_attribute;
typedef struct {
  unsigned gx, gy, gz, bx, by, bz, shared;
  ccuda_handle stream;
  ccuda_launch_attribute *_Nullable attributes;
  unsigned count;
} ccuda_launch;

// libcuda.so.1. Names with _v2 are the 64-bit entry points that cuda.h means by the plain names.
#define CCUDA_DRIVER(F)                                                                                              \
  F(cuInit, (unsigned flags))                                                                                        \
  F(cuDriverGetVersion, (int *version))                                                                              \
  F(cuDeviceGetCount, (int *count))                                                                                  \
  F(cuDeviceGet, (int *device, int ordinal))                                                                         \
  F(cuDeviceGetName, (char *name, int length, int device))                                                           \
  F(cuDeviceGetAttribute, (int *value, int attribute, int device))                                                   \
  F(cuDeviceTotalMem_v2, (size_t *bytes, int device))                                                                \
  F(cuDevicePrimaryCtxRetain, (ccuda_handle *_Nonnull context, int device))                                                   \
  F(cuDevicePrimaryCtxRelease_v2, (int device))                                                                      \
  F(cuCtxSetCurrent, (ccuda_handle context))                                                                         \
  F(cuMemAlloc_v2, (ccuda_address *address, size_t bytes))                                                           \
  F(cuMemFree_v2, (ccuda_address address))                                                                           \
  F(cuMemGetInfo_v2, (size_t *free, size_t *total))                                                                  \
  F(cuMemHostAlloc, (ccuda_handle *_Nonnull memory, size_t bytes, unsigned flags))                                            \
  F(cuMemFreeHost, (ccuda_handle memory))                                                                            \
  F(cuMemcpyHtoDAsync_v2, (ccuda_address to, const void *from, size_t bytes, ccuda_handle stream))                   \
  F(cuMemcpyDtoHAsync_v2, (void *to, ccuda_address from, size_t bytes, ccuda_handle stream))                         \
  F(cuMemsetD8Async, (ccuda_address to, unsigned char value, size_t bytes, ccuda_handle stream))                     \
  F(cuStreamCreate, (ccuda_handle *_Nonnull stream, unsigned flags))                                                          \
  F(cuStreamDestroy_v2, (ccuda_handle stream))                                                                       \
  F(cuStreamSynchronize, (ccuda_handle stream))                                                                      \
  F(cuStreamWaitEvent, (ccuda_handle stream, ccuda_handle event, unsigned flags))                                    \
  F(cuEventCreate, (ccuda_handle *_Nonnull event, unsigned flags))                                                   \
  F(cuEventDestroy_v2, (ccuda_handle event))                                                                         \
  F(cuEventRecord, (ccuda_handle event, ccuda_handle stream))                                                        \
  F(cuStreamBeginCapture_v2, (ccuda_handle stream, int mode))                                                        \
  F(cuStreamEndCapture, (ccuda_handle stream, ccuda_handle *_Nonnull graph))                                                  \
  F(cuGraphInstantiateWithFlags, (ccuda_handle *_Nonnull executable, ccuda_handle graph, unsigned long long flags))           \
  F(cuGraphLaunch, (ccuda_handle executable, ccuda_handle stream))                                                   \
  F(cuGraphExecDestroy, (ccuda_handle executable))                                                                   \
  F(cuGraphDestroy, (ccuda_handle graph))                                                                            \
  F(cuModuleLoadData, (ccuda_handle *_Nonnull module, const void *image))                                                     \
  F(cuModuleUnload, (ccuda_handle module))                                                                           \
  F(cuModuleGetFunction, (ccuda_handle *_Nonnull function, ccuda_handle module, const char *name))                            \
  F(cuFuncSetAttribute, (ccuda_handle function, int attribute, int value))                                           \
  F(cuLaunchKernelEx, (const ccuda_launch *launch, ccuda_handle function, ccuda_pointers arguments, ccuda_pointers extra)) \
  F(cuGetErrorName, (int status, const char *_Nullable *_Nonnull name))                                              \
  F(cuGetErrorString, (int status, const char *_Nullable *_Nonnull text))

// libnvrtc.so: the compiler.
#define CCUDA_NVRTC(F)                                                                                               \
  F(nvrtcVersion, (int *major, int *minor))                                                                          \
  F(nvrtcGetNumSupportedArchs, (int *count))                                                                         \
  F(nvrtcGetSupportedArchs, (int *architectures))                                                                    \
  F(nvrtcCreateProgram, (ccuda_handle *_Nonnull program, const char *source, const char *name, int headers,                   \
                         const char *_Nullable const *_Nullable texts, const char *_Nullable const *_Nullable names)) \
  F(nvrtcCompileProgram, (ccuda_handle program, int count, const char *_Nullable const *_Nullable options))          \
  F(nvrtcGetProgramLogSize, (ccuda_handle program, size_t *bytes))                                                   \
  F(nvrtcGetProgramLog, (ccuda_handle program, char *text))                                                          \
  F(nvrtcGetCUBINSize, (ccuda_handle program, size_t *bytes))                                                        \
  F(nvrtcGetCUBIN, (ccuda_handle program, char *image))                                                              \
  F(nvrtcDestroyProgram, (ccuda_handle *_Nonnull program))

// libcublasLt.so: matrix products. Layouts are column-major.
typedef struct {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} ccuda_product_choice;

#define CCUDA_CUBLASLT(F)                                                                                            \
  F(cublasLtCreate, (ccuda_handle *_Nonnull handle))                                                                          \
  F(cublasLtDestroy, (ccuda_handle handle))                                                                          \
  F(cublasLtMatmulDescCreate, (ccuda_handle *_Nonnull descriptor, int compute, int scale))                                    \
  F(cublasLtMatmulDescDestroy, (ccuda_handle descriptor))                                                            \
  F(cublasLtMatmulDescSetAttribute, (ccuda_handle descriptor, int attribute, const void *value, size_t bytes))       \
  F(cublasLtMatrixLayoutCreate, (ccuda_handle *_Nonnull layout, int type, uint64_t rows, uint64_t columns, int64_t ld))       \
  F(cublasLtMatrixLayoutDestroy, (ccuda_handle layout))                                                              \
  F(cublasLtMatmulPreferenceCreate, (ccuda_handle *_Nonnull preference))                                                      \
  F(cublasLtMatmulPreferenceDestroy, (ccuda_handle preference))                                                      \
  F(cublasLtMatmulPreferenceSetAttribute, (ccuda_handle preference, int attribute, const void *value, size_t bytes)) \
  F(cublasLtMatmulAlgoGetHeuristic,                                                                                  \
    (ccuda_handle handle, ccuda_handle descriptor, ccuda_handle a, ccuda_handle b, ccuda_handle c, ccuda_handle d,   \
     ccuda_handle preference, int wanted, ccuda_product_choice *choices, int *found))                                \
  F(cublasLtMatmul, (ccuda_handle handle, ccuda_handle descriptor, const void *alpha, const void *a, ccuda_handle a_layout, \
                     const void *b, ccuda_handle b_layout, const void *beta, const void *c, ccuda_handle c_layout, void *d, \
                     ccuda_handle d_layout, const void *_Nullable algorithm, void *_Nullable workspace, size_t bytes, \
                     ccuda_handle stream))

#define CCUDA_FIELD(name, arguments) int (*name) arguments;
typedef struct { CCUDA_DRIVER(CCUDA_FIELD) } ccuda_driver;
typedef struct { CCUDA_NVRTC(CCUDA_FIELD) } ccuda_nvrtc;
typedef struct { CCUDA_CUBLASLT(CCUDA_FIELD) } ccuda_cublaslt;
#undef CCUDA_FIELD

// Looks up every function in an opened library; returns the name of the first one missing, or null.
const char *_Nullable ccuda_load_driver(void *library, ccuda_driver *functions);
const char *_Nullable ccuda_load_nvrtc(void *library, ccuda_nvrtc *functions);
const char *_Nullable ccuda_load_cublaslt(void *library, ccuda_cublaslt *functions);

// dlopen and dlerror. `global` also offers the library's symbols to those opened later.
void *_Nullable ccuda_open(const char *name, int global);
const char *ccuda_open_error(void);
// The file an opened library was read from, or null. Valid until the library is closed.
const char *_Nullable ccuda_path(void *library);
// size_t f(void), as cublasLtGetVersion and cudnnGetVersion are; 0 where the library has no such function.
size_t ccuda_version(void *library, const char *function);
// int f(int *), as ncclGetVersion is; 0 where the library has no such function.
int ccuda_version_out(void *library, const char *function);

// The kernels' source: several files, the first one includes the others by name.
typedef struct {
  const char *name;
  const char *text;
} ccuda_source;
const ccuda_source *ccuda_sources(int *count);

#pragma clang assume_nonnull end
#endif
