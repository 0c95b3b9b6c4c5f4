#include "ccuda.h"
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char kernels[] = {
#embed "device/kernels.cu" suffix(, 0)
};
static const char prelude[] = {
#embed "device/prelude.h" suffix(, 0)
};
static const char control[] = {
#embed "include/step_control.h" suffix(, 0)
};
static const char cells[] = {
#embed "device/cells.h" suffix(, 0)
};
static const char sequences[] = {
#embed "device/sequences.h" suffix(, 0)
};
static const char layers[] = {
#embed "device/layers.h" suffix(, 0)
};
static const char tokens[] = {
#embed "device/tokens.h" suffix(, 0)
};
static const char norms[] = {
#embed "device/norms.h" suffix(, 0)
};
static const char steps[] = {
#embed "device/steps.h" suffix(, 0)
};
static const char losses[] = {
#embed "device/losses.h" suffix(, 0)
};
static const char optimizers[] = {
#embed "device/optimizers.h" suffix(, 0)
};
static const char product[] = {
#embed "device/product.h" suffix(, 0)
};
static const char tensor[] = {
#embed "device/tensor.h" suffix(, 0)
};
static const char direction[] = {
#embed "device/direction.h" suffix(, 0)
};
static const char cluster_plan_text[] = {
#embed "include/cluster_plan.h" suffix(, 0)
};
static const char cluster_product_text[] = {
#embed "device/cluster_product.h" suffix(, 0)
};
static const char cluster_forward[] = {
#embed "device/cluster_forward.h" suffix(, 0)
};
static const char cluster_backward[] = {
#embed "device/cluster_backward.h" suffix(, 0)
};
static const char cluster[] = {
#embed "device/cluster.h" suffix(, 0)
};
static const char cluster_kernels[] = {
#embed "device/cluster.cu" suffix(, 0)
};

static const char fused_shape_text[] = {
#embed "include/fused_shape.h" suffix(, 0)
};
static const char fused_layers[] = {
#embed "device/fused_layers.h" suffix(, 0)
};
static const char fused_head[] = {
#embed "device/fused_head.h" suffix(, 0)
};
static const char fused[] = {
#embed "device/fused.h" suffix(, 0)
};

static const ccuda_source sources[] = {
    {"kernels.cu", kernels},
    {"prelude.h", prelude},
    {"step_control.h", control},
    {"cells.h", cells},
    {"sequences.h", sequences},
    {"layers.h", layers},
    {"tokens.h", tokens},
    {"norms.h", norms},
    {"steps.h", steps},
    {"losses.h", losses},
    {"optimizers.h", optimizers},
    {"product.h", product},
    {"tensor.h", tensor},
    {"direction.h", direction},
    {"cluster_plan.h", cluster_plan_text},
    {"cluster_product.h", cluster_product_text},
    {"cluster_forward.h", cluster_forward},
    {"cluster_backward.h", cluster_backward},
    {"cluster.h", cluster},
    {"cluster.cu", cluster_kernels},
    {"fused_shape.h", fused_shape_text},
    {"fused_layers.h", fused_layers},
    {"fused_head.h", fused_head},
    {"fused.h", fused},
};

const ccuda_source *ccuda_sources(int *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
