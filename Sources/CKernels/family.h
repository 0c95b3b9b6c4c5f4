// One instruction set's table: include after VW, RK_FMA, RK_REGISTERS, RK_SUFFIX and RK_NAME.
#include "ckernels.h"
#include "vector.h"
#include "operand.h"
#include "tile.h"
#include "gemm.h"
#include "gradient.h"
#include "gates.h"
#include "recurrent.h"
#include "recurrent_one.h"
#include "recurrent_back.h"
#include "unpadded.h"
#include "elementwise.h"
#include "philox.h"
#include "norm.h"
#include "stepwise.h"
#include "normed.h"
#include "variants.h"

extern const rk_kernels RK(table);
const rk_kernels RK(table) = {
    RK_NAME,
    VW,
    RK(packed_size),
    RK(pack_transposed),
    RK(pack),
    RK(multiply),
    RK(multiply_gradient),
    RK(gradient_scratch),
    RK(is_narrow_gradient),
    RK(stored_units),
    RK(pack_input),
    RK(packed_recurrent_size),
    RK(pack_recurrent_of),
    RK(pack_recurrent_back),
    RK(rnn_forward),
    RK(rnn_backward),
    RK(lstm_forward_of),
    RK(lstm_backward_of),
    RK(gru_forward),
    RK(gru_backward),
    RK(column_sums),
    RK(exp),
    RK(sigmoid),
    RK(tanh),
    RK(relu),
    RK(sigmoid_back),
    RK(tanh_back),
    RK(relu_back),
    RK(softmax),
    RK(is_largest),
    RK(sum_of_squares),
    RK(adam),
    RK(sgd),
    RK(rmsprop),
    RK(peak),
    RK(dropout),
    RK(dropped),
    {RK(norm_moments),       RK(normed_rnn),      RK(normed_rnn_back),    RK(normed_lstm),     RK(normed_lstm_back),
     RK(normed_gru),         RK(normed_gru_back), RK(step_lstm),          RK(step_lstm_back),  RK(step_gru),
     RK(step_gru_back),      RK(peephole_lstm),   RK(peephole_lstm_back), RK(reset_gru),       RK(reset_gru_new),
     RK(reset_gru_new_back), RK(reset_gru_back),  RK(mask_state),         RK(mask_state_back), RK(apply_zoneout),
     RK(apply_zoneout_back)},
};
