#include "cudashim.h"
#include "../../Sources/CCUDA/device/kernels.cu"
#include <utility>
#include <vector>

namespace {

struct Kernel {
  const char *name;
  void (*call)(void **arguments);
  std::vector<size_t> sizes;
};

template <auto function> struct Launchable;
template <class... A, void (*function)(A...)> struct Launchable<function> {
  template <size_t... I> static void call(void **arguments, std::index_sequence<I...>) {
    function(*static_cast<A *>(arguments[I])...);
  }
  static Kernel kernel(const char *name) {
    return {name, [](void **arguments) { call(arguments, std::index_sequence_for<A...>()); }, {sizeof(A)...}};
  }
};

#define KERNEL(name) Launchable<name>::kernel(#name)
const std::vector<Kernel> &kernels() {
  static const std::vector<Kernel> all = {
      KERNEL(lstm_forward), KERNEL(lstm_backward), KERNEL(gru_forward),     KERNEL(gru_backward),     KERNEL(rnn_forward),
      KERNEL(rnn_backward), KERNEL(dropout),       KERNEL(readout_forward), KERNEL(readout_backward), KERNEL(activate),
      KERNEL(activate_backward), KERNEL(column_sums), KERNEL(gather),       KERNEL(loss_values),      KERNEL(loss_classes),
      KERNEL(loss_total),   KERNEL(squares),       KERNEL(decide),          KERNEL(adam),             KERNEL(sgd),
      KERNEL(rmsprop),      KERNEL(product),
      KERNEL(lstm_walk_forward), KERNEL(lstm_walk_backward), KERNEL(gru_walk_forward), KERNEL(gru_walk_backward),
      KERNEL(rnn_walk_forward),  KERNEL(rnn_walk_backward),
      KERNEL(lstm_fused),        KERNEL(gru_fused),          KERNEL(rnn_fused),
  };
  return all;
}
static_assert(__COUNTER__ < shim::sites, "more sites than there is room for");

thread_local std::string message;
const char *report(const std::string &text) {
  message = text;
  return message.empty() ? nullptr : message.c_str();
}

}  // namespace

const char *shim_launch(const char *kernel, const shim_launch_shape *s, void **arguments, const size_t *sizes, int count) {
  for (const Kernel &k : kernels()) {
    if (std::strcmp(k.name, kernel)) continue;
    if (std::vector<size_t>(sizes, sizes + count) != k.sizes)
      return report(std::string(kernel) + ": the arguments' number or sizes are not the kernel's");
    std::string failure = shim::run({s->grid_x, s->grid_y, s->threads, s->shared, s->seed, s->planted, s->together},
                                    [&] { k.call(arguments); });
    return report(failure.empty() ? "" : std::string(kernel) + ": " + failure);
  }
  return report(std::string("there is no kernel ") + kernel);
}

const char *shim_kernel(int index) {
  return index >= 0 && size_t(index) < kernels().size() ? kernels()[size_t(index)].name : nullptr;
}
const char *shim_site(int site) { return site >= 0 && site < shim::sites ? shim::passed[site] : nullptr; }
uint64_t shim_switches() { return shim::switches; }
