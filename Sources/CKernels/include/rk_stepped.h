// The elementwise work of layers that are walked one step at a time; a part of the table in ckernels.h.
//
// "rows" are rows of one step, one after the other; `ld…` is from one to the next where they may lie further apart. H units, padded to
// `units`. A null `c_in` or `h_in` is a state of zeros, a null `zone` or `mask` is none.
#ifndef RK_STEPPED_H
#define RK_STEPPED_H
#include <stddef.h>

#pragma clang assume_nonnull begin

// Layer norm (Ba et al. 2016) of rows of blocks of `units`, of which `hidden` count; group g is the blocks first[g] ..< first[g + 1],
// normalized together.
typedef struct {
  ptrdiff_t groups, first[3], hidden, units;
  float epsilon;
  const float *alpha, *beta;
} rk_norm;

typedef struct {
  // Rows become x̂; deviation [rows, groups] gets 1/√(variance + epsilon).
  void (*norm_forward)(const rk_norm *, float *x, float *deviation, ptrdiff_t rows);
  // y = α·x̂ + β of the columns first ..< last, or added to y.
  void (*norm_apply)(const rk_norm *, const float *x, ptrdiff_t first, ptrdiff_t last, float *y, ptrdiff_t ldy,
                     ptrdiff_t adding, ptrdiff_t rows);
  // The gradient before normalization from that of α·x̂ + β; dx may be dy.
  void (*norm_backward)(const rk_norm *, const float *dy, const float *x, const float *deviation, float *dx, ptrdiff_t rows);

  // LSTM. gates [rows, 4·units] i f g o, activated in place after `product` was added (null: it is in already); c = f·c_in + i·g.
  void (*lstm_cells)(float *gates, const float *_Nullable product, const float *_Nullable c_in, float *c, ptrdiff_t units,
                     ptrdiff_t rows);
  // s = tanh(s_in), h = o·s; then c is mixed with c_in by `zone`, the share that is kept of it.
  void (*lstm_output)(const float *gates, const float *s_in, float *s, float *h, float *c, const float *_Nullable c_in,
                      const float *_Nullable zone, ptrdiff_t units, ptrdiff_t rows);
  // From dh: that of o in its place, that of what tanh read in s.
  void (*lstm_output_back)(float *gates, float *s, const float *dh, ptrdiff_t units, ptrdiff_t rows);
  // From s, the gradient of the new c by way of h, and dc, that of c from the step behind: those of i f g in place, in dc that of c_in.
  void (*lstm_cells_back)(float *gates, const float *s, float *dc, const float *_Nullable c_in, const float *_Nullable zone,
                          ptrdiff_t units, ptrdiff_t rows);
  // GRU. gates [rows, 3·units] r z n likewise (`product` is added to r and z); n = tanh(n + r·m), h = (1 - z)·n + z·h_in.
  void (*gru)(float *gates, const float *_Nullable product, const float *m, ptrdiff_t ldm, const float *_Nullable h_in,
              ptrdiff_t ldh, float *h, ptrdiff_t units, ptrdiff_t rows);
  // d gets the gradients of what the recurrent product gave, d_in is added dh·z.
  void (*gru_back)(float *gates, const float *m, ptrdiff_t ldm, const float *dh, const float *_Nullable h_in, ptrdiff_t ldh,
                   float *d, float *d_in, ptrdiff_t units, ptrdiff_t rows);

  // What the recurrent product reads: to = h·mask; and back, to += from·mask.
  void (*see)(const float *_Nullable h, ptrdiff_t ldh, const float *_Nullable mask, float *to, ptrdiff_t units, ptrdiff_t rows);
  void (*see_back)(const float *from, const float *_Nullable mask, float *to, ptrdiff_t units, ptrdiff_t rows);
  // out = h + zone·(h_in - h); and back: the gradient of out, d_out + carried, goes to h's (`own`) and to h_in's (`carried`).
  void (*emit)(const float *h, const float *_Nullable h_in, ptrdiff_t ldh, const float *_Nullable zone, float *out, ptrdiff_t ldo,
               ptrdiff_t units, ptrdiff_t rows);
  void (*emit_back)(const float *_Nullable d_out, ptrdiff_t ldd, const float *_Nullable zone, float *carried, float *own,
                    ptrdiff_t units, ptrdiff_t rows);

  // out[j] += Σ over rows of x[row, j]·y[row, j].
  void (*column_products)(const float *x, const float *y, ptrdiff_t rows, ptrdiff_t columns, float *out);
} rk_stepped;

#pragma clang assume_nonnull end
#endif
