// The walk by clusters, compiled for one shape: CLUSTER_SHAPE is its gates, hidden size, blocks of a cluster, tiles of 8 sequences
// and precision. Below compute capability 9.0 there are no clusters, and nothing to compile.
#include "prelude.h"
#define UNITS_ONLY
#include "cells.h"
#include "direction.h"
#include "cluster_plan.h"
#ifdef GPU_HAS_CLUSTERS
#include "cluster_product.h"
#include "cluster.h"

using Shape = ClusterShape<CLUSTER_SHAPE>;

// A grid is (blocks for all rows, directions).
#define CLUSTER_KERNEL(name)                                                                                    \
  GPU_KERNEL_OF(Shape::THREADS) name(DIRECTION_ARGUMENTS(0), DIRECTION_ARGUMENTS(1), int stride, int steps, int batch, int relu) { \
    PICK_DIRECTION                                                                                              \
    name<Shape>(d, stride, steps, batch, relu);                                                                 \
  }
CLUSTER_KERNEL(cluster_forward)
CLUSTER_KERNEL(cluster_backward)
#endif
