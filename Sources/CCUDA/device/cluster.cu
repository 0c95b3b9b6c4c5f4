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

GPU_KERNEL_OF(Shape::THREADS) cluster_forward(CLUSTER_ARGUMENTS){CLUSTER_BODY(cluster_forward, Shape)}
GPU_KERNEL_OF(Shape::THREADS) cluster_backward(CLUSTER_ARGUMENTS) {
  CLUSTER_BODY(cluster_backward, Shape)
}
#endif
