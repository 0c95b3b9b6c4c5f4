// One direction of a layer, for kernels that loop over all steps; all [T, B, ...]. A direction that is not there has gates null.
#ifndef DIRECTION_H
#define DIRECTION_H

struct Direction {
  float *gates;         // [T, B, GATES·H] the input's products; activated; their gradients
  float *recurrent;     // [T, B, 3H] GRU, see gru_forward
  const float *weight;  // [GATES·H, H]
  const float *bias_input, *bias_recurrent;
  float *cells;        // [T, B, H] LSTM
  float *h;            // [T, B, stride]
  const float *d_out;  // [T, B, stride]
  bool reverse;
  const int *lengths;              // [B], or null: see cells.h
  const float *first_h, *first_c;  // [B, stride] and LSTM's [B, H] before the first step; null for zero
};

// The second dimension of the grid is the direction. Both take the same kernel, the second one's pointers follow the first's;
// d_out and h begin at a direction's own columns.
#define DIRECTION_ARGUMENTS(n)                                                                                            \
  float *GPU_OPTIONAL gates##n, float *GPU_OPTIONAL recurrent##n, const float *GPU_OPTIONAL weight##n,                    \
      const float *GPU_OPTIONAL bias_input##n, const float *GPU_OPTIONAL bias_recurrent##n, float *GPU_OPTIONAL cells##n, \
      float *GPU_OPTIONAL h##n, const float *GPU_OPTIONAL d_out##n
#define PICK(name) second ? name##1 : name##0
#define PICK_DIRECTION                 \
  bool second = gpu_block_y() == 1;    \
  Direction d = {PICK(gates),          \
                 PICK(recurrent),      \
                 PICK(weight),         \
                 PICK(bias_input),     \
                 PICK(bias_recurrent), \
                 PICK(cells),          \
                 PICK(h),              \
                 PICK(d_out),          \
                 second,               \
                 0,                    \
                 0,                    \
                 0};

#endif
