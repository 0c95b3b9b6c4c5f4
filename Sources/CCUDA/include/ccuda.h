// What recur needs of NVIDIA's libraries, found at run time: no CUDA is needed to build.
//
// The declarations are recur's own; a test compares each one with the vendor's headers where those are installed. Status codes are
// int with 0 for success in every library, handles are pointers, device addresses 64-bit numbers.
#ifndef CCUDA_H
#define CCUDA_H
#include <stddef.h>
#include <stdint.h>
#include "cluster_plan.h"
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
#define CCUDA_DRIVER(F)                                                                                                    \
  F(cuInit, (unsigned flags))                                                                                              \
  F(cuDriverGetVersion, (int *version))                                                                                    \
  F(cuDeviceGetCount, (int *count))                                                                                        \
  F(cuDeviceGet, (int *device, int ordinal))                                                                               \
  F(cuDeviceGetName, (char *name, int length, int device))                                                                 \
  F(cuDeviceGetAttribute, (int *value, int attribute, int device))                                                         \
  F(cuDeviceGetPCIBusId, (char *address, int length, int device))                                                          \
  F(cuDeviceTotalMem_v2, (size_t *bytes, int device))                                                                      \
  F(cuDevicePrimaryCtxRetain, (ccuda_handle *_Nonnull context, int device))                                                \
  F(cuDevicePrimaryCtxRelease_v2, (int device))                                                                            \
  F(cuCtxSetCurrent, (ccuda_handle context))                                                                               \
  F(cuMemAlloc_v2, (ccuda_address * address, size_t bytes))                                                                \
  F(cuMemFree_v2, (ccuda_address address))                                                                                 \
  F(cuMemGetInfo_v2, (size_t *free, size_t *total))                                                                        \
  F(cuMemHostAlloc, (ccuda_handle *_Nonnull memory, size_t bytes, unsigned flags))                                         \
  F(cuMemFreeHost, (ccuda_handle memory))                                                                                  \
  F(cuMemcpyHtoDAsync_v2, (ccuda_address to, const void *from, size_t bytes, ccuda_handle stream))                         \
  F(cuMemcpyDtoHAsync_v2, (void *to, ccuda_address from, size_t bytes, ccuda_handle stream))                               \
  F(cuMemcpyDtoDAsync_v2, (ccuda_address to, ccuda_address from, size_t bytes, ccuda_handle stream))                       \
  F(cuMemsetD8Async, (ccuda_address to, unsigned char value, size_t bytes, ccuda_handle stream))                           \
  F(cuStreamCreate, (ccuda_handle *_Nonnull stream, unsigned flags))                                                       \
  F(cuStreamDestroy_v2, (ccuda_handle stream))                                                                             \
  F(cuStreamSynchronize, (ccuda_handle stream))                                                                            \
  F(cuStreamWaitEvent, (ccuda_handle stream, ccuda_handle event, unsigned flags))                                          \
  F(cuEventCreate, (ccuda_handle *_Nonnull event, unsigned flags))                                                         \
  F(cuEventDestroy_v2, (ccuda_handle event))                                                                               \
  F(cuEventSynchronize, (ccuda_handle event))                                                                              \
  F(cuEventRecord, (ccuda_handle event, ccuda_handle stream))                                                              \
  F(cuStreamBeginCapture_v2, (ccuda_handle stream, int mode))                                                              \
  F(cuStreamEndCapture, (ccuda_handle stream, ccuda_handle *_Nonnull graph))                                               \
  F(cuGraphInstantiateWithFlags, (ccuda_handle *_Nonnull executable, ccuda_handle graph, unsigned long long flags))        \
  F(cuGraphLaunch, (ccuda_handle executable, ccuda_handle stream))                                                         \
  F(cuGraphExecDestroy, (ccuda_handle executable))                                                                         \
  F(cuGraphDestroy, (ccuda_handle graph))                                                                                  \
  F(cuModuleLoadData, (ccuda_handle *_Nonnull module, const void *image))                                                  \
  F(cuModuleUnload, (ccuda_handle module))                                                                                 \
  F(cuModuleGetFunction, (ccuda_handle *_Nonnull function, ccuda_handle module, const char *name))                         \
  F(cuFuncSetAttribute, (ccuda_handle function, int attribute, int value))                                                 \
  F(cuOccupancyMaxActiveClusters, (int *count, ccuda_handle function, const ccuda_launch *launch))                         \
  F(cuLaunchKernelEx, (const ccuda_launch *launch, ccuda_handle function, ccuda_pointers arguments, ccuda_pointers extra)) \
  F(cuGetErrorName, (int status, const char *_Nullable *_Nonnull name))                                                    \
  F(cuGetErrorString, (int status, const char *_Nullable *_Nonnull text))

// libnvrtc.so: the compiler.
#define CCUDA_NVRTC(F)                                                                                                \
  F(nvrtcVersion, (int *major, int *minor))                                                                           \
  F(nvrtcGetNumSupportedArchs, (int *count))                                                                          \
  F(nvrtcGetSupportedArchs, (int *architectures))                                                                     \
  F(nvrtcCreateProgram, (ccuda_handle *_Nonnull program, const char *source, const char *name, int headers,           \
                         const char *_Nullable const *_Nullable texts, const char *_Nullable const *_Nullable names)) \
  F(nvrtcCompileProgram, (ccuda_handle program, int count, const char *_Nullable const *_Nullable options))           \
  F(nvrtcGetProgramLogSize, (ccuda_handle program, size_t *bytes))                                                    \
  F(nvrtcGetProgramLog, (ccuda_handle program, char *text))                                                           \
  F(nvrtcGetCUBINSize, (ccuda_handle program, size_t *bytes))                                                         \
  F(nvrtcGetCUBIN, (ccuda_handle program, char *image))                                                               \
  F(nvrtcDestroyProgram, (ccuda_handle *_Nonnull program))

// libcublasLt.so: matrix products. Layouts are column-major.
typedef struct {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} ccuda_product_choice;

#define CCUDA_CUBLASLT(F)                                                                                                  \
  F(cublasLtCreate, (ccuda_handle *_Nonnull handle))                                                                       \
  F(cublasLtDestroy, (ccuda_handle handle))                                                                                \
  F(cublasLtMatmulDescCreate, (ccuda_handle *_Nonnull descriptor, int compute, int scale))                                 \
  F(cublasLtMatmulDescDestroy, (ccuda_handle descriptor))                                                                  \
  F(cublasLtMatmulDescSetAttribute, (ccuda_handle descriptor, int attribute, const void *value, size_t bytes))             \
  F(cublasLtMatrixLayoutCreate, (ccuda_handle *_Nonnull layout, int type, uint64_t rows, uint64_t columns, int64_t ld))    \
  F(cublasLtMatrixLayoutDestroy, (ccuda_handle layout))                                                                    \
  F(cublasLtMatmulPreferenceCreate, (ccuda_handle *_Nonnull preference))                                                   \
  F(cublasLtMatmulPreferenceDestroy, (ccuda_handle preference))                                                            \
  F(cublasLtMatmulPreferenceSetAttribute, (ccuda_handle preference, int attribute, const void *value, size_t bytes))       \
  F(cublasLtMatmulAlgoGetHeuristic,                                                                                        \
    (ccuda_handle handle, ccuda_handle descriptor, ccuda_handle a, ccuda_handle b, ccuda_handle c, ccuda_handle d,         \
     ccuda_handle preference, int wanted, ccuda_product_choice *choices, int *found))                                      \
  F(cublasLtMatmul,                                                                                                        \
    (ccuda_handle handle, ccuda_handle descriptor, const void *alpha, const void *a, ccuda_handle a_layout, const void *b, \
     ccuda_handle b_layout, const void *beta, const void *c, ccuda_handle c_layout, void *d, ccuda_handle d_layout,        \
     const void *_Nullable algorithm, void *_Nullable workspace, size_t bytes, ccuda_handle stream))

// libcudnn.so.9: recurrent layers.
#define CCUDA_CUDNN(F)                                                                                                             \
  F(cudnnCreate, (ccuda_handle *_Nonnull handle))                                                                                  \
  F(cudnnDestroy, (ccuda_handle handle))                                                                                           \
  F(cudnnSetStream, (ccuda_handle handle, ccuda_handle stream))                                                                    \
  F(cudnnCreateTensorDescriptor, (ccuda_handle *_Nonnull descriptor))                                                              \
  F(cudnnDestroyTensorDescriptor, (ccuda_handle descriptor))                                                                       \
  F(cudnnSetTensorNdDescriptor, (ccuda_handle descriptor, int type, int dimensions, const int *sizes, const int *strides))         \
  F(cudnnGetTensorNdDescriptor, (ccuda_handle descriptor, int wanted, int *type, int *dimensions, int *sizes, int *strides))       \
  F(cudnnCreateDropoutDescriptor, (ccuda_handle *_Nonnull descriptor))                                                             \
  F(cudnnDestroyDropoutDescriptor, (ccuda_handle descriptor))                                                                      \
  F(cudnnSetDropoutDescriptor, (ccuda_handle descriptor, ccuda_handle handle, float probability, void *_Nullable states,           \
                                size_t bytes, unsigned long long seed))                                                            \
  F(cudnnCreateRNNDescriptor, (ccuda_handle *_Nonnull descriptor))                                                                 \
  F(cudnnDestroyRNNDescriptor, (ccuda_handle descriptor))                                                                          \
  F(cudnnSetRNNDescriptor_v8,                                                                                                      \
    (ccuda_handle descriptor, int algorithm, int cell, int bias, int direction, int input_mode, int data_type, int math_precision, \
     int math_type, int input, int hidden, int projection, int layers, ccuda_handle dropout, unsigned flags))                      \
  F(cudnnBuildRNNDynamic, (ccuda_handle handle, ccuda_handle descriptor, int batch))                                               \
  F(cudnnCreateRNNDataDescriptor, (ccuda_handle *_Nonnull descriptor))                                                             \
  F(cudnnDestroyRNNDataDescriptor, (ccuda_handle descriptor))                                                                      \
  F(cudnnSetRNNDataDescriptor,                                                                                                     \
    (ccuda_handle descriptor, int type, int layout, int steps, int batch, int width, const int *lengths, void *_Nullable fill))    \
  F(cudnnGetRNNWeightSpaceSize, (ccuda_handle handle, ccuda_handle rnn, size_t *bytes))                                            \
  F(cudnnGetRNNTempSpaceSizes, (ccuda_handle handle, ccuda_handle rnn, int mode, ccuda_handle x, size_t *work, size_t *reserve))   \
  F(cudnnGetRNNWeightParams, (ccuda_handle handle, ccuda_handle rnn, int layer, size_t bytes, const void *space, int matrix,       \
                              ccuda_handle weight, ccuda_pointers weights, ccuda_handle bias, ccuda_pointers biases))              \
  F(cudnnRNNForward,                                                                                                               \
    (ccuda_handle handle, ccuda_handle rnn, int mode, const int *_Nullable lengths, ccuda_handle x_data, const void *_Nullable x,  \
     ccuda_handle y_data, void *_Nullable y, ccuda_handle h_data, const void *_Nullable hx, void *_Nullable hy,                    \
     ccuda_handle c_data, const void *_Nullable cx, void *_Nullable cy, size_t weight_bytes, const void *weights,                  \
     size_t work_bytes, void *_Nullable work, size_t reserve_bytes, void *_Nullable reserve))                                      \
  F(cudnnRNNBackwardData_v8,                                                                                                       \
    (ccuda_handle handle, ccuda_handle rnn, const int *_Nullable lengths, ccuda_handle y_data, const void *_Nullable y,            \
     const void *_Nullable dy, ccuda_handle x_data, void *_Nullable dx, ccuda_handle h_data, const void *_Nullable hx,             \
     const void *_Nullable dhy, void *_Nullable dhx, ccuda_handle c_data, const void *_Nullable cx, const void *_Nullable dcy,     \
     void *_Nullable dcx, size_t weight_bytes, const void *weights, size_t work_bytes, void *_Nullable work, size_t reserve_bytes, \
     void *_Nullable reserve))                                                                                                     \
  F(cudnnRNNBackwardWeights_v8,                                                                                                    \
    (ccuda_handle handle, ccuda_handle rnn, int add, const int *_Nullable lengths, ccuda_handle x_data, const void *_Nullable x,   \
     ccuda_handle h_data, const void *_Nullable hx, ccuda_handle y_data, const void *_Nullable y, size_t weight_bytes,             \
     void *weights, size_t work_bytes, void *_Nullable work, size_t reserve_bytes, void *_Nullable reserve))

// libnccl.so.2: sums among GPUs of several processes.
typedef struct {
  char bytes[128];
} ccuda_nccl_id;

#define CCUDA_NCCL(F)                                                                               \
  F(ncclGetVersion, (int *version))                                                                 \
  F(ncclGetUniqueId, (ccuda_nccl_id *id))                                                           \
  F(ncclCommInitRank, (ccuda_handle *_Nonnull communicator, int ranks, ccuda_nccl_id id, int rank)) \
  F(ncclCommDestroy, (ccuda_handle communicator))                                                   \
  F(ncclGroupStart, (void))                                                                         \
  F(ncclGroupEnd, (void))                                                                           \
  F(ncclAllReduce,                                                                                  \
    (const void *from, void *to, size_t count, int type, int operation, ccuda_handle communicator, ccuda_handle stream))

#define CCUDA_FIELD(name, arguments) int(*name) arguments;
typedef struct {
  CCUDA_DRIVER(CCUDA_FIELD)
} ccuda_driver;
typedef struct {
  CCUDA_NVRTC(CCUDA_FIELD)
} ccuda_nvrtc;
typedef struct {
  CCUDA_CUBLASLT(CCUDA_FIELD)
} ccuda_cublaslt;
typedef struct {
  CCUDA_CUDNN(CCUDA_FIELD)
} ccuda_cudnn;
typedef struct {
  CCUDA_NCCL(CCUDA_FIELD)
} ccuda_nccl;
#undef CCUDA_FIELD

// Looks up every function in an opened library; returns the name of the first one missing, or null.
const char *_Nullable ccuda_load_driver(void *library, ccuda_driver *functions);
const char *_Nullable ccuda_load_nvrtc(void *library, ccuda_nvrtc *functions);
const char *_Nullable ccuda_load_cublaslt(void *library, ccuda_cublaslt *functions);
const char *_Nullable ccuda_load_cudnn(void *library, ccuda_cudnn *functions);
const char *_Nullable ccuda_load_nccl(void *library, ccuda_nccl *functions);

// dlopen and dlerror. `global` also offers the library's symbols to those opened later.
void *_Nullable ccuda_open(const char *name, int global);
const char *ccuda_open_error(void);
// The file an opened library was read from, or null. Valid until the library is closed.
const char *_Nullable ccuda_path(void *library);
// size_t f(void), as cublasLtGetVersion and cudnnGetVersion are; 0 where the library has no such function.
size_t ccuda_version(void *library, const char *function);
// int f(int *), as ncclGetVersion is; 0 where the library has no such function.
int ccuda_version_out(void *library, const char *function);
// const char *f(int), as ncclGetErrorString and cudnnGetErrorString are; null where the library has no such function.
const char *_Nullable ccuda_status_text(void *library, const char *function, int status);

// The kernels' source: several files, the first one includes the others by name.
typedef struct {
  const char *name;
  const char *text;
} ccuda_source;
const ccuda_source *ccuda_sources(int *count);

#pragma clang assume_nonnull end
#endif
