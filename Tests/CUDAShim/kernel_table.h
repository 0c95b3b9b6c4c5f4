// Kernels that can be launched by name.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace shim {

struct Kernel {
  std::string name;
  void (*call)(void **arguments);
  std::vector<size_t> sizes;
  // What a kernel that is compiled for one shape has to be launched with; 0 threads for any.
  int threads = 0;
  size_t shared = 0;
};

template <auto function> struct Launchable;
template <class... A, void (*function)(A...)> struct Launchable<function> {
  template <size_t... I> static void call(void **arguments, std::index_sequence<I...>) {
    function(*static_cast<A *>(arguments[I])...);
  }
  static Kernel kernel(const std::string &name, int threads = 0, size_t shared = 0) {
    return {name, [](void **arguments) { call(arguments, std::index_sequence_for<A...>()); }, {sizeof(A)...}, threads, shared};
  }
};

// The walk by clusters, in the shapes tests use.
std::vector<Kernel> cluster_kernels();

}  // namespace shim
