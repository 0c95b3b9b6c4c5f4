#include "cudashim.h"
#include "../../Sources/CCUDA/device/kernels.cu"
#include "kernel_table.h"

namespace {
using namespace shim;

#define KERNEL(name) Launchable<name>::kernel(#name)
const std::vector<Kernel> &kernels() {
  static const std::vector<Kernel> all = [] {
    std::vector<Kernel> some = {
        KERNEL(lstm_forward),
        KERNEL(lstm_backward),
        KERNEL(gru_forward),
        KERNEL(gru_backward),
        KERNEL(rnn_forward),
        KERNEL(rnn_backward),
        KERNEL(dropout),
        KERNEL(readout_forward),
        KERNEL(readout_backward),
        KERNEL(activate),
        KERNEL(activate_backward),
        KERNEL(column_sums),
        KERNEL(gather),
        KERNEL(loss_values),
        KERNEL(loss_classes),
        KERNEL(loss_total),
        KERNEL(squares),
        KERNEL(decide),
        KERNEL(adam),
        KERNEL(sgd),
        KERNEL(rmsprop),
        KERNEL(product),
        KERNEL(lstm_walk_forward),
        KERNEL(lstm_walk_backward),
        KERNEL(gru_walk_forward),
        KERNEL(gru_walk_backward),
        KERNEL(rnn_walk_forward),
        KERNEL(rnn_walk_backward),
        KERNEL(lstm_fused),
        KERNEL(gru_fused),
        KERNEL(rnn_fused),
        KERNEL(add),
        KERNEL(follow),
        KERNEL(embed),
        KERNEL(embed_backward),
        KERNEL(take_states),
        KERNEL(keep_states),
        KERNEL(norm_forward),
        KERNEL(norm_backward),
        KERNEL(norm_gradients),
        KERNEL(draw_mask),
        KERNEL(mask_state),
        KERNEL(mask_state_back),
        KERNEL(lstm_cells),
        KERNEL(lstm_output),
        KERNEL(lstm_output_back),
        KERNEL(lstm_cells_back),
        KERNEL(gru_step),
        KERNEL(gru_step_back),
        KERNEL(rnn_step),
        KERNEL(rnn_step_back),
        KERNEL(apply_zoneout),
        KERNEL(apply_zoneout_back),
    };
    for (Kernel &kernel : cluster_kernels()) some.push_back(kernel);
    return some;
  }();
  return all;
}
static_assert(__COUNTER__ < SHIM_CLUSTER_SITES, "more sites than there is room for");

thread_local std::string message;
const char *report(const std::string &text) {
  message = text;
  return message.empty() ? nullptr : message.c_str();
}

}  // namespace

const char *shim_launch(const char *kernel, const shim_launch_shape *s, void **arguments, const size_t *sizes, int count) {
  for (const Kernel &k : kernels()) {
    if (k.name != kernel) continue;
    if (std::vector<size_t>(sizes, sizes + count) != k.sizes)
      return report(std::string(kernel) + ": the arguments' number or sizes are not the kernel's");
    if (k.threads && (s->threads != k.threads || s->shared != k.shared)) return report(k.name + ": is compiled for other blocks");
    std::string failure =
        shim::run({s->grid_x, s->grid_y, s->threads, s->shared, s->seed, s->planted, s->together}, [&] { k.call(arguments); });
    return report(failure.empty() ? "" : std::string(kernel) + ": " + failure);
  }
  return report(std::string("there is no kernel ") + kernel);
}

const char *shim_kernel(int index) {
  return index >= 0 && size_t(index) < kernels().size() ? kernels()[size_t(index)].name.c_str() : nullptr;
}
const char *shim_site(int site) { return site >= 0 && site < SHIM_SITES ? shim::passed[site] : nullptr; }
uint64_t shim_switches() { return shim::switches; }
