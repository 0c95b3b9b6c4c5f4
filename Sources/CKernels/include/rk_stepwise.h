// The elementwise work of layers that are computed one step at a time; a part of the table in ckernels.h.
//
// "rows" are rows of one step, one after the other; `ld…` is from one to the next where they may lie further apart. H units, padded to
// `units`. A null `c_in` or `h_in` is a state of zeros, a null `mask` is none.
#ifndef RK_STEPWISE_H
#define RK_STEPWISE_H
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Layer norm (Ba et al. 2016) of rows of blocks of `units`, of which `hidden` count; group g is the blocks first[g] ..< first[g + 1],
// normalized together.
typedef struct {
  ptrdiff_t groups, first[3], hidden, units;
  float epsilon;
  const float *alpha, *beta;  // [blocks·units], zero in padding
} rk_norm;

// Rows and their norm α·x̂ + β.
typedef struct {
  rk_norm norm;
  float *x;                                     // [rows, blocks·units] before the norm
  float *moments;                               // [rows, groups, 2] mean and 1/√(variance + epsilon)
  float *_Nullable d_alpha, *_Nullable d_beta;  // [blocks·units] their gradients are added to, d_beta's where it is given
} rk_normed;

// How much of the state before is kept: all of the units that `kept` [rows, units] marks with 1 and nothing of those with 0; without
// it this share of each.
typedef struct {
  const uint8_t *_Nullable kept;
  float share;
} rk_zone;

typedef struct {
  void (*norm_moments)(const rk_normed *, ptrdiff_t rows);

  // Cells whose gates are the norm of the input's part, whose moments are known, plus the norm of the recurrent part. Backward leaves
  // gradients before the norms in `x` of both and needs scratch of so many times `units`: RNN 1, LSTM 5, GRU 6.
  void (*normed_rnn)(const rk_normed *input, const rk_normed *recurrent, float *h, ptrdiff_t relu, ptrdiff_t rows);
  void (*normed_rnn_back)(const rk_normed *input, const rk_normed *recurrent, const float *h, const float *dh, float *scratch,
                          ptrdiff_t relu, ptrdiff_t rows);
  // cell->x = f·c_in + i·g, s = tanh of its norm, h = o·s; `c` is cell->x mixed with c_in where there is a zone.
  void (*normed_lstm)(const rk_normed *input, const rk_normed *recurrent, const rk_normed *cell, float *gates,
                      const float *_Nullable c_in, float *c, float *s, float *h, rk_zone zone, ptrdiff_t rows);
  // dc: the gradient of c from the next step, then that of c_in.
  void (*normed_lstm_back)(const rk_normed *input, const rk_normed *recurrent, const rk_normed *cell, const float *gates,
                           const float *s, const float *dh, float *dc, const float *_Nullable c_in, rk_zone zone, float *scratch,
                           ptrdiff_t rows);
  void (*normed_gru)(const rk_normed *input, const rk_normed *recurrent, float *gates, const float *_Nullable h_in, ptrdiff_t ldh,
                     float *h, ptrdiff_t rows);
  // d_in is added dh·z.
  void (*normed_gru_back)(const rk_normed *input, const rk_normed *recurrent, const float *gates, const float *dh,
                          const float *_Nullable h_in, ptrdiff_t ldh, float *d_in, float *scratch, ptrdiff_t rows);

  // LSTM. gates [rows, 4·units] i f g o, activated in place after `product` was added; c = f·c_in + i·g, s = tanh(c), h = o·s, and
  // then c is mixed with c_in where there is a zone.
  void (*lstm)(float *gates, const float *product, const float *_Nullable c_in, float *c, float *s, float *h, rk_zone zone,
               ptrdiff_t units, ptrdiff_t rows);
  // gates get their gradients; dc: as above.
  void (*lstm_back)(float *gates, const float *s, const float *dh, float *dc, const float *_Nullable c_in, rk_zone zone,
                    ptrdiff_t units, ptrdiff_t rows);
  // GRU. gates [rows, 3·units] r z n likewise; n = tanh(n + r·m) with m of the product, h = (1 - z)·n + z·h_in.
  void (*gru)(float *gates, const float *product, const float *_Nullable h_in, ptrdiff_t ldh, float *h, ptrdiff_t units,
              ptrdiff_t rows);
  // gates and product get their gradients, d_in is added dh·z.
  void (*gru_back)(float *gates, float *product, const float *dh, const float *_Nullable h_in, ptrdiff_t ldh, float *d_in,
                   ptrdiff_t units, ptrdiff_t rows);

  // LSTM whose i, f and o see c by `peephole` [3·units], i f of c_in and o of the new c; else as lstm and lstm_back. `d_peephole`
  // [rows, 3·units] gets the gradient of each row.
  void (*peephole_lstm)(float *gates, const float *product, const float *peephole, const float *_Nullable c_in, float *c, float *s,
                        float *h, rk_zone zone, ptrdiff_t units, ptrdiff_t rows);
  void (*peephole_lstm_back)(float *gates, const float *peephole, float *d_peephole, const float *s, const float *dh, float *dc,
                             const float *_Nullable c_in, rk_zone zone, ptrdiff_t units, ptrdiff_t rows);
  // GRU whose reset gate comes before the recurrent product, in two parts: r and z activated after `product`, reset = r·seen, which the
  // product of n reads; then n = tanh(n + its product), h = (1 - z)·n + z·h_in.
  void (*reset_gru)(float *gates, const float *product, const float *seen, float *reset, ptrdiff_t units, ptrdiff_t rows);
  void (*reset_gru_new)(float *gates, const float *product, const float *_Nullable h_in, ptrdiff_t ldh, float *h, ptrdiff_t units,
                        ptrdiff_t rows);
  // Backward, from the last to the first: z and n get their gradients, d_in is added dh·z; from d_reset, that of r·seen, r gets its
  // gradient and d_seen is d_reset·r.
  void (*reset_gru_new_back)(float *gates, const float *dh, const float *_Nullable h_in, ptrdiff_t ldh, float *d_in,
                             ptrdiff_t units, ptrdiff_t rows);
  void (*reset_gru_back)(float *gates, const float *d_reset, const float *seen, float *d_seen, ptrdiff_t units, ptrdiff_t rows);

  // What the recurrent product reads: to = h·mask; and back, to += from·mask.
  void (*mask_state)(const float *_Nullable h, ptrdiff_t ldh, const float *_Nullable mask, float *to, ptrdiff_t units,
                     ptrdiff_t rows);
  void (*mask_state_back)(const float *from, const float *_Nullable mask, float *to, ptrdiff_t units, ptrdiff_t rows);
  // out = h + zone·(h_in - h); and back: the gradient of out, d_out + carried, goes to h's (`own`) and to h_in's (`carried`).
  void (*apply_zoneout)(const float *h, const float *_Nullable h_in, ptrdiff_t ldh, rk_zone zone, float *out, ptrdiff_t ldo,
                        ptrdiff_t units, ptrdiff_t rows);
  void (*apply_zoneout_back)(const float *_Nullable d_out, ptrdiff_t ldd, rk_zone zone, float *carried, float *own, ptrdiff_t units,
                             ptrdiff_t rows);
} rk_stepwise;

#pragma clang assume_nonnull end
#endif
