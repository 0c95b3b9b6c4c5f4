// Runs the kernels of every instruction set at sizes that fit nothing evenly, each array with only the room that callers give:
// for the address, undefined-behaviour and thread sanitizers (see `run`). With --hash it prints a hash of all that each set computed,
// by kind, which must be the same on other processors (Processors/run). Sets with vectors of the portable set's width are
// compared with it on the way; KernelsTests checks numbers by themselves.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ckernels.h"

#pragma STDC FP_CONTRACT OFF  // what is computed from is the same on every processor

enum { SLACK = 16, KINDS = 16 };  // what kernels may read, never write, behind an array
static const float GUARD = 12345.678f;
static struct {
  float *start;
  ptrdiff_t count;
  int internal;
} arrays[64];
static int used;
static long calls;

// One array after the other of what a set computed, in order of the calls.
typedef struct {
  float *x;
  size_t count, room;
} record;
static record portable;
static size_t compared;
static const rk_kernels *family;
static struct {
  const char *what;
  uint64_t hash;
} kinds[KINDS];

static float *array(ptrdiff_t count) {
  float *x = aligned_alloc(64, (size_t)((count + SLACK) * 4 + 63) / 64 * 64);
  for (ptrdiff_t i = 0; i < count; i++) x[i] = (float)((i * 7919 + used * 104729) % 2003) / 1001 - 1;
  for (ptrdiff_t i = count; i < count + SLACK; i++) x[i] = GUARD;
  arrays[used].internal = 0;
  arrays[used].start = x;
  arrays[used++].count = count;
  return x;
}
static float *positive(ptrdiff_t count) {
  float *x = array(count);
  for (ptrdiff_t i = 0; i < count; i++) x[i] = x[i] * x[i] + 0.1f;
  return x;
}
// What only the set itself reads: packed operands, scratch.
static float *internal(ptrdiff_t count) {
  float *x = array(count);
  arrays[used - 1].internal = 1;
  return x;
}

static void add_hash(const char *what, const float *x, ptrdiff_t count) {
  int kind = 0;
  while (kinds[kind].what && strcmp(kinds[kind].what, what)) kind++;
  if (!kinds[kind].what) kinds[kind].what = what, kinds[kind].hash = 0xcbf29ce484222325;
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, 4);
    kinds[kind].hash = (kinds[kind].hash ^ bits) * 0x100000001b3;
  }
}

static void remember(const float *x, ptrdiff_t count) {
  while (portable.count + (size_t)count > portable.room) {
    portable.room = portable.room * 2 + 1000000;
    portable.x = realloc(portable.x, portable.room * 4);
  }
  memcpy(portable.x + portable.count, x, (size_t)count * 4);
  portable.count += (size_t)count;
}
// Sums of another order, or rounded once where the portable set rounds twice, differ by what a float can't hold; products of bfloat16
// by what it can't.
static void compare(const char *what, const float *x, ptrdiff_t count) {
  const float *expected = portable.x + compared;
  compared += (size_t)count;
  float most = 1, worst = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    float difference = fabsf(x[i] - expected[i]);
    if (fabsf(expected[i]) > most) most = fabsf(expected[i]);
    if (!(difference <= worst)) worst = difference;
  }
  if (!(worst <= most * (strstr(family->name, "bf16") ? 0.05f : 1e-4f))) {
    fprintf(stderr, "%s: %s differs from the portable set by %g of %g\n", family->name, what, worst, most);
    exit(1);
  }
}

static void check(const char *what) {
  for (int i = 0; i < used; i++) {
    float *start = arrays[i].start;
    ptrdiff_t count = arrays[i].count;
    for (int j = 0; j < SLACK; j++)
      if (start[count + j] != GUARD) {
        fprintf(stderr, "%s writes behind an array\n", what);
        exit(1);
      }
    if (family && !arrays[i].internal) {
      add_hash(what, start, count);
      if (!strncmp(family->name, "portable", 8)) remember(start, count);
      else if (family->vector_width == rk_find("portable")->vector_width) compare(what, start, count);
    }
    free(start);
  }
  used = 0;
  calls++;
}

static void products(const rk_kernels *f, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
  float *packed = internal(f->packed_size(n, k)), *a = array(m * k), *w = array(n * k), *bias = array(n), *c = array(m * n);
  f->pack_transposed(w, k, 0, n, 0, k, packed);
  f->multiply(m, n, k, a, k, 1, packed, bias, c, n, 0);
  f->pack(w, n, 0, k, 0, n, packed);
  f->multiply(m, n, k, a, 1, m, packed, 0, c, n, 1);
  check("multiply");
  float *scratch = internal(f->gradient_scratch(m, n)), *d = array(k * m), *x = array(k * n), *g = array(m * n);
  rk_groups all = {k, k};
  f->multiply_gradient(m, n, k, &all, d, m, x, n, g, n, 1, scratch);
  for (ptrdiff_t size = 1; size <= k; size = size * 3 + 1) {
    rk_groups groups = {size, k / (k / size)};
    f->multiply_gradient(m, n, k / size * size, &groups, d, m, x, n, g, n, 0, scratch);
  }
  check("multiply_gradient");
}

static void layer(const rk_kernels *f, int gates, ptrdiff_t hidden, ptrdiff_t steps, ptrdiff_t batch, int reverse, int ragged) {
  ptrdiff_t half = f->vector_width / 2 > 0 ? f->vector_width / 2 : 1, units = (hidden + half - 1) / half * half;
  ptrdiff_t slots = gates == 1 ? 1 : 4, offsets[64] = {0};
  for (ptrdiff_t t = 0; t < steps; t++) {
    ptrdiff_t rows = ragged ? batch - t * (batch - 1) / steps : batch;
    offsets[t + 1] = offsets[t] + rows;
  }
  ptrdiff_t rows = offsets[steps];
  float *w = array(gates * hidden * hidden), *packed = internal(f->packed_recurrent_size(gates, hidden));
  float *back = internal(f->packed_recurrent_size(gates, hidden));
  f->pack_recurrent(w, gates, hidden, packed);
  f->pack_recurrent_back(w, gates, hidden, back);
  rk_layer l = {.steps = steps,
                .batch = batch,
                .hidden = hidden,
                .units = units,
                .last_row = batch,
                .offsets = ragged ? offsets : 0,
                .reverse = reverse,
                .keep = 1,
                .want_initial = 1,
                .weights = packed,
                .weights_back = back,
                .bias_m = array(units),
                .gate_stride = slots * units,
                .gates = array(rows * slots * units),
                .cells = array(rows * units),
                .outputs = array(rows * units),
                .output_stride = units,
                .h0 = array(batch * units),
                .c0 = array(batch * units),
                .d_outputs = array(rows * units),
                .d_output_stride = units,
                .d_hidden = array(batch * units),
                .d_cell = array(batch * units),
                .low = internal(batch * slots * units)};
  if (gates == 4) f->lstm_forward(&l), f->lstm_backward(&l);
  if (gates == 3) f->gru_forward(&l), f->gru_backward(&l);
  if (gates == 1) f->rnn_forward(&l, 0), f->rnn_backward(&l, 0);
  check("a time loop");
}

static void elements(const rk_kernels *f, ptrdiff_t n) {
  float *x = array(n), *y = array(n);
  f->exp(x, y, n), f->sigmoid(x, y, n), f->tanh(x, y, n), f->relu(x, y, n);
  f->sigmoid_back(y, x, x, n), f->tanh_back(y, x, x, n), f->relu_back(y, x, x, n);
  check("a function");
  float *p = array(n), *m = array(n), *v = positive(n);
  x = array(n);
  rk_optimizer o = {.gradient_scale = 1,
                    .lr = 0.1f,
                    .weight_decay = 0.01f,
                    .beta1 = 0.9,
                    .beta2 = 0.99,
                    .eps = 1e-8f,
                    .bias1 = 0.1f,
                    .bias2_sqrt = 0.1f,
                    .momentum = 0.9f};
  f->adam(&o, p, x, m, v, n), f->sgd(&o, p, x, m, n), f->rmsprop(&o, p, x, v, m, n);
  check("an optimizer");
  x = array(n), y = array(n);
  array(1)[0] = (float)f->sum_of_squares(x, n);
  array(1)[0] = f->softmax(x, y, n);
  array(1)[0] = (float)f->is_largest(x, n, n / 2);
  f->column_sums(x, 1, n, n, y);
  check("a sum");
}

static rk_normed normed(ptrdiff_t groups, ptrdiff_t blocks, ptrdiff_t hidden, ptrdiff_t units, ptrdiff_t rows) {
  rk_norm norm = {.groups = groups,
                  .first = {0, groups == 1 ? blocks : blocks - 1, blocks},
                  .hidden = hidden,
                  .units = units,
                  .epsilon = 1e-5f,
                  .alpha = array(blocks * units),
                  .beta = array(blocks * units)};
  return (rk_normed){.norm = norm,
                     .x = array(rows * blocks * units),
                     .moments = array(rows * 2 * groups),
                     .d_alpha = array(blocks * units),
                     .d_beta = array(blocks * units)};
}

static void stepped(const rk_kernels *f, ptrdiff_t hidden, ptrdiff_t rows) {
  const rk_stepwise *s = &f->stepwise;
  ptrdiff_t half = f->vector_width / 2, units = (hidden + half - 1) / half * half;
  uint8_t *kept = malloc((size_t)(rows * units));
  rk_dropout_block block = {.key = 5, .threshold = 1u << 31, .scale = 2};
  f->dropped(&block, kept, rows * units);
  for (int way = 0; way < 2; way++) {
    rk_zone zone = {way ? kept : 0, 0.3f};
    float *h = array(rows * units), *dh = array(rows * units), *before = way ? array(rows * units) : 0, *d = array(6 * units);
    float *c = array(rows * units), *t = array(rows * units), *dc = array(rows * units);
    rk_normed input = normed(1, 4, hidden, units, rows), recurrent = normed(1, 4, hidden, units, rows);
    rk_normed cell = normed(1, 1, hidden, units, rows);
    float *gates = array(rows * 4 * units), *product = array(rows * 4 * units);
    s->norm_moments(&input, rows);
    s->normed_lstm(&input, &recurrent, &cell, gates, before, c, t, h, zone, rows);
    s->normed_lstm_back(&input, &recurrent, &cell, gates, t, dh, dc, before, zone, d, rows);
    s->lstm(gates, product, before, c, t, h, zone, units, rows);
    s->lstm_back(gates, t, dh, dc, before, zone, units, rows);
    float *peephole = array(3 * units), *d_peephole = array(rows * 3 * units);
    s->peephole_lstm(gates, product, peephole, before, c, t, h, zone, units, rows);
    s->peephole_lstm_back(gates, peephole, d_peephole, t, dh, dc, before, zone, units, rows);
    check("a step of LSTM");
    h = array(rows * units), dh = array(rows * units), before = way ? array(rows * units) : 0, d = array(6 * units);
    input = normed(2, 3, hidden, units, rows), recurrent = normed(2, 3, hidden, units, rows);
    gates = array(rows * 3 * units), product = array(rows * 3 * units), dc = array(rows * units);
    s->norm_moments(&input, rows);
    s->normed_gru(&input, &recurrent, gates, before, units, h, rows);
    s->normed_gru_back(&input, &recurrent, gates, dh, before, units, dc, d, rows);
    s->gru(gates, product, before, units, h, units, rows);
    s->gru_back(gates, product, dh, before, units, dc, units, rows);
    float *seen = array(rows * units), *reset = array(rows * units);
    s->reset_gru(gates, product, seen, reset, units, rows);
    s->reset_gru_new(gates, product, before, units, h, units, rows);
    s->reset_gru_new_back(gates, dh, before, units, dc, units, rows);
    s->reset_gru_back(gates, reset, seen, product, units, rows);
    check("a step of GRU");
    h = array(rows * units), dh = array(rows * units), before = way ? array(rows * units) : 0, d = array(units);
    input = normed(1, 1, hidden, units, rows), recurrent = normed(1, 1, hidden, units, rows), recurrent.d_beta = 0;
    s->norm_moments(&input, rows);
    s->normed_rnn(&input, &recurrent, h, way, rows);
    s->normed_rnn_back(&input, &recurrent, h, dh, d, way, rows);
    s->mask_state(before, units, way ? dh : 0, h, units, rows), s->mask_state_back(dh, before, h, units, rows);
    s->apply_zoneout(h, before, units, zone, dh, units, units, rows),
        s->apply_zoneout_back(before, units, zone, dh, h, units, rows);
    check("a step");
  }
  free(kept);
}

static void dropout(void) {
  ptrdiff_t offsets[] = {0, 5, 8, 9};
  int32_t samples[] = {4, 9, 2, 7, 1};
  rk_dropout d = {.seed = 1, .step = 2, .layer = 3, .probability = 0.4f};
  float *x = array(9 * 11), *y = array(9 * 11);
  rk_dropout_apply(&d, x, y, 3, 5, offsets, 11, 2, 3, 6, samples);
  check("dropout");
}

static void add_part(void *context, ptrdiff_t index) {
  float *x = context;
  for (ptrdiff_t i = index * 100; i < (index + 1) * 100; i++) x[i] += 1;
}

// Everything that a set computes, and its hash where one is wanted.
static void run(const rk_kernels *f, int hashes) {
  static const ptrdiff_t sizes[][3] = {{1, 1, 1},   {1, 17, 3},    {2, 8, 5},      {13, 48, 12},   {20, 1, 40},    {64, 10, 300},
                                       {7, 33, 64}, {9, 129, 260}, {250, 15, 513}, {245, 100, 65}, {130, 200, 600}};
  family = f;
  if (!strncmp(f->name, "portable", 8)) portable.count = 0;
  compared = 0;
  memset(kinds, 0, sizeof kinds);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) products(f, sizes[s][0], sizes[s][1], sizes[s][2]);
  for (ptrdiff_t hidden = 1; hidden < 300; hidden = hidden * 2 + 3)
    for (int way = 0; way < 4; way++)
      for (int gates = 1; gates < 5; gates += gates == 1 ? 2 : 1) layer(f, gates, hidden, 5, 11, way & 1, way >> 1);
  for (ptrdiff_t hidden = 1; hidden < 300; hidden = hidden * 2 + 3) stepped(f, hidden, 5);
  for (ptrdiff_t n = 1; n < 5000; n = n * 2 + 1) elements(f, n);
  family = 0;
  if (!hashes) printf("%s\n", f->name);
  for (int kind = 0; hashes && kinds[kind].what; kind++)
    printf("%s, %s: %016llx\n", f->name, kinds[kind].what, (unsigned long long)kinds[kind].hash);
}

int main(int count, char **arguments) {
  int hashes = count > 1 && !strcmp(arguments[1], "--hash");
  const char *names[] = {"portable", "avx2", "avx512", "neon"};
  for (int precision = 0; precision < 2; precision++)
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      const rk_kernels *f = rk_find(names[i]);
      if (f) run(precision ? rk_bf16(f) : f, hashes);
    }
  dropout();
  for (ptrdiff_t threads = 1; threads < 6; threads++) {
    rk_team *team = rk_team_create(threads);
    float *x = array(100 * threads);
    for (int i = 0; i < 2000; i++) rk_team_run(team, add_part, x);
    rk_team_destroy(team);
    check("a team");
  }
  if (!hashes) printf("%ld calls, nothing found\n", calls);
  return 0;
}
