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
static const char losses[] = {
#embed "device/losses.h" suffix(, 0)
};
static const char optimizers[] = {
#embed "device/optimizers.h" suffix(, 0)
};
static const char product[] = {
#embed "device/product.h" suffix(, 0)
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
    {"kernels.cu", kernels}, {"prelude.h", prelude}, {"step_control.h", control},  {"cells.h", cells},
    {"sequences.h", sequences}, {"layers.h", layers},    {"losses.h", losses},   {"optimizers.h", optimizers}, {"product.h", product},
    {"fused_shape.h", fused_shape_text}, {"fused_layers.h", fused_layers}, {"fused_head.h", fused_head}, {"fused.h", fused},
};

const ccuda_source *ccuda_sources(int *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
