// Compares recur's own declarations with the vendor's headers: number, kind and size of each argument. Compiled by HeaderTests,
// where those headers are installed.
#include "ccuda.h"
#include <cstddef>
#include <type_traits>
#ifdef CHECK_DRIVER
#include <cuda.h>
#endif
#ifdef CHECK_NVRTC
#include <nvrtc.h>
#endif
#ifdef CHECK_CUBLASLT
#include <cublasLt.h>
#endif
#ifdef CHECK_CUDNN
#include <cudnn.h>
#endif
#ifdef CHECK_NCCL
#include <nccl.h>
#endif

template <class A, class B> constexpr bool alike() {
  if (std::is_void_v<A> || std::is_void_v<B>) return std::is_void_v<A> == std::is_void_v<B>;
  else {
    constexpr bool numbers = (std::is_integral_v<A> || std::is_enum_v<A>) && (std::is_integral_v<B> || std::is_enum_v<B>);
    return sizeof(A) == sizeof(B) &&
           (numbers || (std::is_pointer_v<A> && std::is_pointer_v<B>) ||
            (std::is_floating_point_v<A> && std::is_floating_point_v<B>) || (std::is_class_v<A> && std::is_class_v<B>));
  }
}
template <class Own, class Vendor> struct Same : std::false_type {};
template <class R, class... A, class S, class... B>
struct Same<R (*)(A...), S (*)(B...)> : std::bool_constant<[] {
  if constexpr (sizeof...(A) != sizeof...(B)) return false;
  else return alike<R, S>() && (alike<A, B>() && ...);
}()> {};

#define COMPARE(table, name) \
  static_assert(Same<decltype(table::name), decltype(&::name)>::value, #name " is declared otherwise by the vendor");
#define DRIVER(name, arguments) COMPARE(ccuda_driver, name)
#define NVRTC(name, arguments) COMPARE(ccuda_nvrtc, name)
#define CUBLASLT(name, arguments) COMPARE(ccuda_cublaslt, name)
#define CUDNN(name, arguments) COMPARE(ccuda_cudnn, name)
#define NCCL(name, arguments) COMPARE(ccuda_nccl, name)

#ifdef CHECK_DRIVER
CCUDA_DRIVER(DRIVER)
static_assert(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR == 75 && CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT == 16);
static_assert(CU_STREAM_NON_BLOCKING == 1 && CU_EVENT_DISABLE_TIMING == 2 &&
              CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN == 97 && CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES == 8 &&
              CU_STREAM_CAPTURE_MODE_THREAD_LOCAL == 1);
static_assert(sizeof(ccuda_launch) == sizeof(CUlaunchConfig) && sizeof(ccuda_launch_attribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(ccuda_launch, stream) == offsetof(CUlaunchConfig, hStream) &&
              offsetof(ccuda_launch, attributes) == offsetof(CUlaunchConfig, attrs) &&
              offsetof(ccuda_launch, count) == offsetof(CUlaunchConfig, numAttrs) &&
              offsetof(ccuda_launch_attribute, value) == offsetof(CUlaunchAttribute, value));
static_assert(CU_LAUNCH_ATTRIBUTE_COOPERATIVE == 2 && CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION == 4 &&
              CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED == 14);
#endif
#ifdef CHECK_NVRTC
CCUDA_NVRTC(NVRTC)
#endif
#ifdef CHECK_CUBLASLT
CCUDA_CUBLASLT(CUBLASLT)
static_assert(sizeof(ccuda_product_choice) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(ccuda_product_choice, workspace) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(CUBLASLT_MATMUL_DESC_TRANSA == 3 && CUBLASLT_MATMUL_DESC_TRANSB == 4);
static_assert(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES == 1 && CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK == 3);
static_assert(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES == 5 && CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES == 8);
static_assert(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE == 2 && CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE == 4);
static_assert(CUBLAS_COMPUTE_32F == 68 && CUBLAS_COMPUTE_32F_FAST_16BF == 75 && CUBLAS_COMPUTE_32F_FAST_TF32 == 77);
static_assert(CUDA_R_32F == 0);
#endif

#ifdef CHECK_CUDNN
CCUDA_CUDNN(CUDNN)
static_assert(CUDNN_RNN_ALGO_STANDARD == 0 && CUDNN_RNN_ALGO_PERSIST_STATIC == 1 && CUDNN_RNN_ALGO_PERSIST_DYNAMIC == 2 &&
              CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H == 3);
static_assert(CUDNN_RNN_RELU == 0 && CUDNN_RNN_TANH == 1 && CUDNN_LSTM == 2 && CUDNN_GRU == 3);
static_assert(CUDNN_RNN_NO_BIAS == 0 && CUDNN_RNN_DOUBLE_BIAS == 2 && CUDNN_UNIDIRECTIONAL == 0 && CUDNN_BIDIRECTIONAL == 1);
static_assert(CUDNN_LINEAR_INPUT == 0 && CUDNN_DATA_FLOAT == 0 && CUDNN_DEFAULT_MATH == 0 && CUDNN_FMA_MATH == 3);
static_assert(CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED == 0 && CUDNN_RNN_PADDED_IO_ENABLED == 1);
static_assert(CUDNN_FWD_MODE_INFERENCE == 0 && CUDNN_FWD_MODE_TRAINING == 1 && CUDNN_WGRAD_MODE_ADD == 0);
#endif
#ifdef CHECK_NCCL
CCUDA_NCCL(NCCL)
static_assert(sizeof(ccuda_nccl_id) == sizeof(ncclUniqueId) && ncclFloat32 == 7 && ncclFloat64 == 8 && ncclSum == 0);
#endif

#ifdef PLANT_A_WRONG_PAIR
static_assert(Same<decltype(ccuda_driver::cuMemFree_v2), decltype(&::cuMemAlloc_v2)>::value, "planted");
#endif
