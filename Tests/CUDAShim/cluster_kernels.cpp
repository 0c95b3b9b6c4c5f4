#define SHIM_FIRST_SITE SHIM_CLUSTER_SITES
#include "../../Sources/CCUDA/device/prelude.h"
#define UNITS_ONLY
#include "../../Sources/CCUDA/device/cells.h"
#include "../../Sources/CCUDA/device/direction.h"
#include "cluster_plan.h"
#include "kernel_table.h"

// On a GPU this is a program of its own, whose names may be other kernels' too.
namespace {
#include "../../Sources/CCUDA/device/cluster_product.h"
#include "../../Sources/CCUDA/device/cluster.h"
}  // namespace

namespace shim {
namespace {
template <class S> void forward(CLUSTER_ARGUMENTS) { CLUSTER_BODY(cluster_forward, S) }
template <class S> void backward(CLUSTER_ARGUMENTS) { CLUSTER_BODY(cluster_backward, S) }

template <int GATES, int HIDDEN, int BLOCKS, int TILES, int PRECISION> void add(std::vector<Kernel> &all) {
  using S = ClusterShape<GATES, HIDDEN, BLOCKS, TILES, PRECISION>;
  std::string name;
  for (int number : {GATES, HIDDEN, BLOCKS, TILES, PRECISION}) name += (name.empty() ? "[" : ",") + std::to_string(number);
  all.push_back(Launchable<forward<S>>::kernel("cluster_forward" + name + "]", S::THREADS, size_t(S::SHARED_FORWARD)));
  all.push_back(Launchable<backward<S>>::kernel("cluster_backward" + name + "]", S::THREADS, size_t(S::SHARED_BACKWARD)));
}
template <int GATES> void add_cell(std::vector<Kernel> &all) {
  add<GATES, 40, 2, 1, 0>(all);
  add<GATES, 40, 2, 1, 1>(all);
  add<GATES, 40, 2, 1, 2>(all);
  add<GATES, 64, 4, 1, 0>(all);
  add<GATES, 64, 4, 1, 1>(all);
  add<GATES, 64, 4, 1, 2>(all);
  add<GATES, 40, 2, 2, 0>(all);
}
}  // namespace

std::vector<Kernel> cluster_kernels() {
  std::vector<Kernel> all;
  add_cell<4>(all);
  add_cell<3>(all);
  add_cell<1>(all);
  return all;
}
static_assert(__COUNTER__ < SHIM_SITES - 1 - SHIM_CLUSTER_SITES, "more sites than there is room for");

}  // namespace shim
