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

static const ccuda_source sources[] = {
    {"kernels.cu", kernels}, {"prelude.h", prelude}, {"step_control.h", control},  {"cells.h", cells},
    {"sequences.h", sequences}, {"layers.h", layers},    {"tokens.h", tokens},
    {"norms.h", norms},      {"steps.h", steps},     {"losses.h", losses},   {"optimizers.h", optimizers}, {"product.h", product},
};

const ccuda_source *ccuda_sources(int *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
