// The arithmetic of recur: one table of functions for each instruction set, chosen at run time.
//
// All matrices are row-major float32. Nothing here allocates, locks or checks its arguments.
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "rk_stepwise.h"

#pragma clang assume_nonnull begin

// One direction of one recurrent layer over one batch, time-major.
//
// Sequences may differ in length: rows are then in order of length, longest first, and step t has the rows that are longer than t
// and no others. "[T, B]" below stands for these rows, one step after the other. The reverse direction begins at each row's own end.
//
// T steps, B rows, H hidden units padded to Hp = stored_units (a multiple of half the vector width, where what is padded stays zero, or
// H itself). A row of `gates` holds `slots` blocks of Hp: i f g o (LSTM), n r z m (GRU, m = W_hn·h + b_hn), a (RNN).
// A thread works on the rows first_row ..< last_row of every step; rows do not depend on one another.
typedef struct {
  ptrdiff_t steps, batch, hidden, units;
  ptrdiff_t first_row, last_row;
  const ptrdiff_t *_Nullable offsets;   // [T + 1] where each step's rows begin; null: every step has all B rows
  ptrdiff_t reverse;                    // nonzero: from the last step to the first
  ptrdiff_t keep;                       // nonzero: leave activated gates and cells behind for backward
  ptrdiff_t want_initial;               // nonzero: backward goes on to the gradient of h0
  const float *weights;                 // recurrent weights packed by pack_recurrent
  const float *_Nullable weights_back;  // the same packed by pack_recurrent_back
  const float *_Nullable bias_m;        // [Hp] GRU: b_hn
  ptrdiff_t gate_stride;                // from one row of gates to the next: at least slots·Hp
  float *gates;            // [T, B, gate_stride] forward: projected input → activated gates; backward: → gate gradients
  float *_Nullable cells;  // [T, B, Hp] LSTM
  float *outputs;          // [T, B, output_stride] h
  ptrdiff_t output_stride;
  const float *_Nullable h0, *_Nullable c0;  // [B, Hp] or null for zero
  const float *_Nullable d_outputs;          // [T, B, d_output_stride] gradient of h
  ptrdiff_t d_output_stride;
  float *_Nullable d_hidden;  // [B, Hp] in: gradient of the final h (or zero); out: gradient of h0
  float *_Nullable d_cell;    // [B, Hp] LSTM, likewise for c
  float *_Nullable low;       // [B, gate_stride] scratch of the tables whose products are in bfloat16
  // [T, B, input_stride] what the layer reads where the time loop projects it too, with weights packed by pack_input and a bias
  // [slots·Hp]; null where `gates` holds the projected input. Only of units that are stored unpadded.
  const float *_Nullable inputs;
  ptrdiff_t input_stride, input_width;
  const float *_Nullable input_weights, *_Nullable bias;
} rk_layer;

// Rows that are a part of a batch: `size` of them one after the other, the next ones `stride` rows after the first.
typedef struct {
  ptrdiff_t size, stride;
} rk_groups;

// What one optimizer step needs beside the four buffers.
typedef struct {
  float gradient_scale;  // multiplies each gradient first: 1 / weight sum · clip factor
  float lr, weight_decay;
  double beta1, beta2;  // adam, adamw; rmsprop uses beta2 for alpha. In double, since 1 - beta2 would lose digits.
  float eps;
  float bias1, bias2_sqrt;    // 1 - beta1^t, sqrt(1 - beta2^t)
  float momentum, dampening;  // sgd, rmsprop
  int32_t nesterov, decoupled, first_step;
} rk_optimizer;

// The masks of some units of one sample at one time.
typedef struct {
  uint64_t key;
  uint32_t layer, time, sample, block;
  uint32_t threshold;  // units whose word is below are zero, the others times `scale`
  float scale;
} rk_dropout_block;

typedef struct {
  const char *name;  // avx512, avx2, neon, portable; with "-bf16" after it where products are in bfloat16
  ptrdiff_t vector_width;

  // How many floats pack_* writes.
  ptrdiff_t (*packed_size)(ptrdiff_t rows, ptrdiff_t depth);
  // B = Wᵀ for multiply: W is [rows, depth]. Tables (or null for identity) give for each packed index the index in W, or -1 for zero.
  void (*pack_transposed)(const float *w, ptrdiff_t ld, const int32_t *_Nullable row_of, ptrdiff_t rows,
                          const int32_t *_Nullable column_of, ptrdiff_t depth, float *packed);
  // B = W for multiply: W is [depth, columns].
  void (*pack)(const float *w, ptrdiff_t ld, const int32_t *_Nullable row_of, ptrdiff_t depth, const int32_t *_Nullable column_of,
               ptrdiff_t columns, float *packed);
  // C[m, n] = A·B + (accumulate ? C : bias or 0); element (i, k) of A is a[i·rs + k·cs]; B packed.
  void (*multiply)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t rs, ptrdiff_t cs, const float *packed,
                   const float *_Nullable bias, float *c, ptrdiff_t ldc, ptrdiff_t accumulate);
  // C[m, n] (+)= Aᵀ·B over k rows of A [·, m] and B [·, n], which may lie in groups: the bits are those of the same rows one after the
  // other. Scratch from gradient_scratch.
  void (*multiply_gradient)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const rk_groups *, const float *a, ptrdiff_t lda, const float *b,
                            ptrdiff_t ldb, float *c, ptrdiff_t ldc, ptrdiff_t accumulate, float *scratch);
  ptrdiff_t (*gradient_scratch)(ptrdiff_t m, ptrdiff_t n);
  // Whether both sides are narrow: threads then share the n columns and not the m, which should stay whole vectors.
  ptrdiff_t (*is_narrow_gradient)(ptrdiff_t m, ptrdiff_t n);

  // Hp of a layer for the time loops. `gates` is 1, 3 or 4 and tells the cell.
  ptrdiff_t (*stored_units)(ptrdiff_t gates, ptrdiff_t hidden);
  // Input weights [gates·H, width] of a layer whose units are stored unpadded; as many floats.
  void (*pack_input)(const float *w, ptrdiff_t width, float *packed);
  // Recurrent weights [gates·H, H] for the time loops.
  ptrdiff_t (*packed_recurrent_size)(ptrdiff_t gates, ptrdiff_t hidden);
  void (*pack_recurrent)(const float *w, ptrdiff_t gates, ptrdiff_t hidden, float *packed);
  void (*pack_recurrent_back)(const float *w, ptrdiff_t gates, ptrdiff_t hidden, float *packed);
  void (*rnn_forward)(const rk_layer *, ptrdiff_t relu);
  void (*rnn_backward)(const rk_layer *, ptrdiff_t relu);
  void (*lstm_forward)(const rk_layer *);
  void (*lstm_backward)(const rk_layer *);
  void (*gru_forward)(const rk_layer *);
  void (*gru_backward)(const rk_layer *);

  // out[j] += Σ over rows of x[row·ld + j].
  void (*column_sums)(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t ld, float *out);
  void (*exp)(const float *x, float *y, ptrdiff_t n);
  void (*sigmoid)(const float *x, float *y, ptrdiff_t n);
  void (*tanh)(const float *x, float *y, ptrdiff_t n);
  void (*relu)(const float *x, float *y, ptrdiff_t n);
  // dx = dy · f'(x), written with the outputs y; in place allowed.
  void (*sigmoid_back)(const float *y, const float *dy, float *dx, ptrdiff_t n);
  void (*tanh_back)(const float *y, const float *dy, float *dx, ptrdiff_t n);
  void (*relu_back)(const float *y, const float *dy, float *dx, ptrdiff_t n);
  // Log-softmax cross entropy of one row: returns lse = log Σ exp(x), fills p with softmax; in place allowed.
  float (*softmax)(const float *x, float *p, ptrdiff_t n);
  // Whether x[at] is the largest of a row, the first of equals.
  int (*is_largest)(const float *x, ptrdiff_t n, ptrdiff_t at);

  // Σ x², in double over fixed blocks: the same bits for any number of threads. Not finite if any x is not.
  double (*sum_of_squares)(const float *x, ptrdiff_t n);
  void (*adam)(const rk_optimizer *, float *p, const float *g, float *m, float *v, ptrdiff_t n);
  void (*sgd)(const rk_optimizer *, float *p, const float *g, float *_Nullable buffer, ptrdiff_t n);
  void (*rmsprop)(const rk_optimizer *, float *p, const float *g, float *square, float *_Nullable buffer, ptrdiff_t n);
  // The core's multiply-add peak in this table's precision: runs `rounds` rounds of independent ones, returns the operations done.
  double (*peak)(ptrdiff_t rounds, float *sink);
  // y = x·mask; y may be x. The same bits in every table.
  void (*dropout)(const rk_dropout_block *, const float *x, float *y, ptrdiff_t width);
  // 1 for each unit that dropout would drop, else 0.
  void (*dropped)(const rk_dropout_block *, uint8_t *dropped, ptrdiff_t width);
  rk_stepwise stepwise;
} rk_kernels;

// The table by this name, or null if this processor or build does not have it.
const rk_kernels *_Nullable rk_find(const char *name);
// The fastest table this processor has.
const rk_kernels *rk_best(void);
// The counterpart of a float32 table whose products round their operands to bfloat16 and add up in float32; all else is the same.
const rk_kernels *rk_bf16(const rk_kernels *);
// Whether this processor multiplies bfloat16 by itself; elsewhere, and where that is measured to be slower than float32, the tables of
// rk_bf16 multiply rounded numbers in float32, which is about as fast as that.
int rk_has_bf16(void);

// Scaled dropout masks from Philox4x32-10, keyed by (seed, step) and counted by (layer, sample, time, unit): y = x·mask.
typedef struct {
  uint64_t seed, step;
  uint32_t layer;
  float probability;
} rk_dropout;
// x, y [steps, batch, stride], or the rows that `offsets` says as in rk_layer; the units of block d lie at columns
// d·block_stride ..< d·block_stride + block_width.
void rk_dropout_apply(const rk_dropout *, const float *x, float *y, ptrdiff_t steps, ptrdiff_t batch,
                      const ptrdiff_t *_Nullable offsets, ptrdiff_t stride, ptrdiff_t blocks, ptrdiff_t block_width,
                      ptrdiff_t block_stride, const int32_t *samples);
// The same masks of the rows of one step as bytes [rows, stride]: 1 for each of the first `width` units that is dropped, else 0.
void rk_dropout_mark(const rk_dropout *, uint8_t *dropped, ptrdiff_t time, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t width,
                     const int32_t *samples);

// A team of `count` threads, the caller among them; null where they can't be started. Used from one thread at a time.
typedef struct rk_team rk_team;
typedef void (*rk_work)(void *context, ptrdiff_t index);
rk_team *_Nullable rk_team_create(ptrdiff_t count);
// Runs work(context, i) once for each i in 0 ..< count, at the same time as far as there are cores, and returns when all are done.
void rk_team_run(rk_team *, rk_work work, void *context);
void rk_team_destroy(rk_team *);

// How many threads of a team take part. Where more than a fifth of the time is lost to waiting for threads that other processes
// keep from their cores, half as many go on; later all are tried again. Times are in nanoseconds of any clock that only grows.
typedef struct {
  ptrdiff_t count, active;
  int64_t begin, lost;    // of the window under way
  int64_t resume, pause;  // when all are tried again; how long the next pause will be
} rk_pace;
rk_pace rk_pace_start(ptrdiff_t count);
// How many take part in the piece of work that begins now.
ptrdiff_t rk_pace_active(rk_pace *, int64_t now);
// The caller did `shares` of a piece of work in the time `own`, and then waited for the others.
void rk_pace_note(rk_pace *, ptrdiff_t shares, int64_t own, int64_t waited);

#pragma clang assume_nonnull end
#endif
