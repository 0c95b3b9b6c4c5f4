// All kernels of a training step, one source for the GPU and for the tests on the processor.
#include "prelude.h"
#include "step_control.h"
#include "cells.h"
#include "sequences.h"
#include "layers.h"
#include "losses.h"
#include "optimizers.h"
#include "product.h"
