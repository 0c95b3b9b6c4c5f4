// The time loops of the three cells: recurrent product with the gates applied while a tile is still in registers.
//
// Weights are packed once per optimizer step. Forward: for each panel of VW units, [H][gates][VW], so that one tile has all
// gates of its units. Back: for each panel of 2·VW units, [gates][H][2·VW]. Units are padded to half vectors in memory, to
// whole ones in packed weights.

// RNN forward panels are two units wide like back panels: one gate leaves room for it.
static ptrdiff_t RK(packed_recurrent_size)(ptrdiff_t gates, ptrdiff_t hidden) {
  return gates * INNER(hidden) * ((hidden + PANEL - 1) / PANEL * PANEL);
}

static void RK(pack_recurrent)(const float *w, ptrdiff_t gates, ptrdiff_t hidden, float *packed) {
  if (gates == 1) {
    RK(pack_transposed)(w, hidden, 0, hidden, 0, hidden, packed);
    return;
  }
  for (ptrdiff_t u0 = 0; u0 < hidden; u0 += VW, packed += INNER(hidden) * gates * VW)
    for (ptrdiff_t g = 0; g < gates; g++) {
      const float *row[VW];
      for (ptrdiff_t r = 0; r < VW; r++) row[r] = u0 + r < hidden ? w + (g * hidden + u0 + r) * hidden : 0;
      pack_rows(row, 0, hidden, gates * VW, packed + g * VW);
    }
}

static void RK(pack_recurrent_back)(const float *w, ptrdiff_t gates, ptrdiff_t hidden, float *packed) {
  ptrdiff_t size = PANEL * INNER(hidden);
  for (ptrdiff_t g = 0; g < gates; g++)
    pack_panels(w + g * hidden * hidden, hidden, 0, hidden, 0, hidden, packed + g * size, gates * size);
}

// The time index of the i-th step computed, and of the previous step.
#define TIME(i) (l->reverse ? l->steps - 1 - (i) : (i))

// -- forward: acc = gates + h·Wᵀ in runs, gates at the end of the last run --------------------------------------

typedef struct {
  const float *h;  // h of the step before at this tile's first row, as operands, or null at the start
  ptrdiff_t h_stride;
  const float *c;      // likewise
  const float *panel;  // weights of this run
  ptrdiff_t k0, depth;
  rk_ahead *ahead;
  int first, last;  // whether this run starts, ends the inner product
} rk_run;

// MR rows, or pairs of rows where `part` is TWO.
RK_INLINE void lstm_tile(const int MR, const int part, const rk_layer *l, const rk_run *run, float *gates, float *c, float *out) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf acc[TILE_ROWS_4][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int g = 0; g < 4; g++) acc[r][g] = rows_load(gates + g * units, stride, r, part);
  if (run->h && part == TWO) tile_multiply_two(MR, 4, acc, (int)run->depth, run->h + run->k0 * APART, run->h_stride, run->panel, 4 * VW);
  else if (run->h) tile_multiply(MR, 4, acc, (int)run->depth, run->h + run->k0 * APART, run->h_stride, APART, run->panel, 4 * VW, run->ahead);
  if (run->last) {
    lstm_gates(MR, part, acc, l, gates, run->c, c, out);
    return;
  }
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int g = 0; g < 4; g++) rows_store(gates + g * units, stride, r, acc[r][g], part);
}

RK_INLINE void gru_tile(const int MR, const int part, const rk_layer *l, const rk_run *run, float *gates, const float *bias, float *out,
                        const float *h_units, ptrdiff_t h_units_stride) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf acc[TILE_ROWS_3][4];
  UNROLL for (int r = 0; r < MR; r++) {
    acc[r][0] = rows_load(gates + units, stride, r, part);
    acc[r][1] = rows_load(gates + 2 * units, stride, r, part);
    acc[r][2] = rows_load(run->first ? bias : gates + 3 * units, run->first ? 0 : stride, r, part);
  }
  if (run->h && part == TWO) tile_multiply_two(MR, 3, acc, (int)run->depth, run->h + run->k0 * APART, run->h_stride, run->panel, 3 * VW);
  else if (run->h) tile_multiply(MR, 3, acc, (int)run->depth, run->h + run->k0 * APART, run->h_stride, APART, run->panel, 3 * VW, run->ahead);
  if (run->last) {
    gru_gates(MR, part, acc, l, gates, h_units, h_units_stride, out);
    return;
  }
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int g = 0; g < 3; g++) rows_store(gates + (g + 1) * units, stride, r, acc[r][g], part);
}

RK_INLINE void rnn_tile(const int MR, const int NV, const int half, const rk_layer *l, const rk_run *run, float *gates,
                        float *out, const int relu) {
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) acc[r][v] = u_load(gates + r * l->gate_stride + v * VW, half && v == NV - 1);
  if (run->h) tile_multiply(MR, NV, acc, (int)run->depth, run->h + run->k0 * APART, run->h_stride, APART, run->panel, PANEL, run->ahead);
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) {
      int part = half && v == NV - 1;
      if (!run->last) u_store(gates + r * l->gate_stride + v * VW, acc[r][v], part);
      else u_store(out + r * l->output_stride + v * VW, relu ? v_at_least(acc[r][v], 0) : v_tanh(acc[r][v]), part);
    }
}

// A tile of `tile` rows, `row` rows after the first of `rows`, asks for its share of the weights of the next run, which lie after
// the `count` of this run. Nothing where the weights are small enough to stay near.
RK_INLINE void ask_next(rk_ahead *ahead, const rk_layer *l, const float *panel, ptrdiff_t count, ptrdiff_t depth, ptrdiff_t row,
                        int tile, ptrdiff_t rows) {
  ahead->weight_lines = 0;
  if (INNER(l->hidden) <= depth) return;
  ptrdiff_t share = (count / 16 + rows - 1) / rows;
  ahead->weights = panel + count + row * share * 16;
  ahead->weight_lines = (int)at_most(tile * share, count / 16 - row * share);
}

// Asks for `blocks` of `rows` rows of gates, `width` floats each, that the tile after this one starts from. Small layers are
// near anyway.
RK_INLINE void prefetch_gates(const rk_layer *l, const float *gates, int rows, int blocks, const int width) {
  if (l->hidden < 64) return;
  for (int r = 0; r < rows; r++)
    for (int g = 0; g < blocks; g++)
      UNROLL for (int i = 0; i < width; i += 16) __builtin_prefetch(gates + r * l->gate_stride + g * l->units + i, 1, 3);
}

// Where the rows of step t begin in memory, and how many there are.
RK_INLINE ptrdiff_t step_start(const rk_layer *l, ptrdiff_t t) { return l->offsets ? l->offsets[t] : t * l->batch; }
RK_INLINE ptrdiff_t step_rows(const rk_layer *l, ptrdiff_t t) {
  return l->offsets ? l->offsets[t + 1] - l->offsets[t] : l->batch;
}
// How many rows of the i-th step computed go on from the previous step, or go on to the one after it: the first ones,
// since the rows that are there at both steps are those of the shorter.
RK_INLINE ptrdiff_t rows_shared(const rk_layer *l, ptrdiff_t i, ptrdiff_t other) {
  return other < 0 || other >= l->steps ? 0 : at_most(step_rows(l, TIME(i)), step_rows(l, TIME(other)));
}

// Rows of one step that start alike: from the previous step (part 0), or from the initial state (part 1).
typedef struct {
  ptrdiff_t i, part;
  ptrdiff_t first, last;   // rows of the batch, never empty
  ptrdiff_t at;            // where row 0 of this step lies
  const float *h, *c;      // row 0 of what they start from, or null for zero
  ptrdiff_t h_stride;
} rk_span;

// Goes on to the next span; starts from {.part = -1}.
RK_INLINE int next_span(const rk_layer *l, rk_span *s) {
  do {
    if (++s->part == 2) s->part = 0, s->i++;
    if (s->i == l->steps) return 0;
    ptrdiff_t old = rows_shared(l, s->i, s->i - 1);
    s->first = s->part ? old : 0;
    s->last = s->part ? step_rows(l, TIME(s->i)) : old;
    if (s->first < l->first_row) s->first = l->first_row;
    s->last = at_most(s->last, l->last_row);
  } while (s->first >= s->last);
  s->at = step_start(l, TIME(s->i));
  ptrdiff_t before = s->part ? 0 : step_start(l, TIME(s->i - 1));
  s->h_stride = s->part ? l->units : l->output_stride;
  s->h = s->part ? l->h0 : l->outputs + before * l->output_stride;
  s->c = s->part ? l->c0 : l->cells + before * l->units;
  return 1;
}

#if RK_BF16
// Rounds `width` floats of each row of a span to l->low; rows that are a power of two apart would share cache sets.
RK_INLINE const float *round_rows(const rk_layer *l, const float *rows, ptrdiff_t stride, ptrdiff_t width, ptrdiff_t first,
                                  ptrdiff_t last, ptrdiff_t *low_stride) {
  ptrdiff_t floats = width / 2 * APART;
  *low_stride = floats % 256 == 0 && floats + 16 <= l->gate_stride ? floats + 16 : floats;
  if (!rows) return 0;
  for (ptrdiff_t row = first; row < last; row++) round_row(rows + row * stride, 1, width, l->low + row * *low_stride);
  return l->low;
}
#else
RK_INLINE const float *round_rows(const rk_layer *l, const float *rows, ptrdiff_t stride, ptrdiff_t width, ptrdiff_t first,
                                  ptrdiff_t last, ptrdiff_t *low_stride) {
  *low_stride = stride;
  return rows;
}
#endif

#define TILE_CASE(MR, CALL) case MR: { enum { M = MR }; CALL; } break;
// CALL(NV, half) for what is left of the units at a panel two vectors wide.
#define PANEL_CASE(left, CALL)              \
  if ((left) >= 2 * VW) { CALL(2, 0) }      \
  else if ((left) > VW) { CALL(2, 1) }      \
  else if ((left) == VW) { CALL(1, 0) }     \
  else { CALL(1, 1) }

// A step of one row (recurrent_one.h).
static void RK(lstm_one)(const rk_layer *l, const rk_span *s, const float *h);
static void RK(gru_one)(const rk_layer *l, const rk_span *s, const float *h);

static void RK(lstm_forward)(const rk_layer *l) {
  rk_ahead ahead;
  ahead.rows = ahead.weight_lines = 0;
  ptrdiff_t units = l->units, hidden = INNER(l->hidden);
  for (rk_span s = {.part = -1}; next_span(l, &s);) {
    ptrdiff_t before;
    const float *h = round_rows(l, s.h, s.h_stride, units, s.first, s.last, &before), *c_in = s.c;
    if (s.last - s.first == 1 && h) {
      RK(lstm_one)(l, &s, h + s.first * before);
      continue;
    }
    for (ptrdiff_t u = 0; u < units; u += VW)
      for (ptrdiff_t k0 = 0; k0 < hidden; k0 += DEPTH_4) {
        if (!h && k0 + DEPTH_4 < hidden) continue;  // no product: go straight to the gates
        rk_run run = {.ahead = hidden > DEPTH_4 ? &ahead : 0, .h_stride = before, .panel = l->weights + (u * hidden + k0 * VW) * 4, .k0 = k0,
                      .depth = at_most(DEPTH_4, hidden - k0), .last = k0 + DEPTH_4 >= hidden};
        for (ptrdiff_t row = s.first; row < s.last;) {
          int tile = next_tile(s.last - row, TILE_ROWS_4);
          ask_next(&ahead, l, run.panel, run.depth * 4 * VW, DEPTH_4, row - s.first, tile, s.last - s.first);
          ptrdiff_t at = s.at + row;
          run.h = h ? h + row * before : 0;
          run.c = c_in ? c_in + row * units + u : 0;
          if (k0 == 0) prefetch_gates(l, l->gates + (at + tile) * l->gate_stride + u, tile, 4, VW);
          float *gates = l->gates + at * l->gate_stride + u, *c = l->cells + at * units + u;
          float *out = l->outputs + at * l->output_stride + u;
          if (u + VW <= units) {
            switch (tile) { EACH_ROWS_4(TILE_CASE, lstm_tile(M, 0, l, &run, gates, c, out)) }
          } else if (s.last - row >= 2) {
            int pairs = (int)at_most((s.last - row) / 2, PAIRS);
            tile = 2 * pairs;
            switch (pairs) { EACH_PAIRS(TILE_CASE, lstm_tile(M, TWO, l, &run, gates, c, out)) }
          } else {
            lstm_tile(1, 1, l, &run, gates, c, out);
          }
          row += tile;
        }
      }
  }
}

static void RK(gru_forward)(const rk_layer *l) {
  rk_ahead ahead;
  ahead.rows = ahead.weight_lines = 0;
  ptrdiff_t units = l->units, hidden = INNER(l->hidden);
  for (rk_span s = {.part = -1}; next_span(l, &s);) {
    ptrdiff_t before;
    const float *h = round_rows(l, s.h, s.h_stride, units, s.first, s.last, &before);
    if (s.last - s.first == 1 && h) {
      RK(gru_one)(l, &s, h + s.first * before);
      continue;
    }
    for (ptrdiff_t u = 0; u < units; u += VW)
      for (ptrdiff_t k0 = 0; k0 < hidden; k0 += DEPTH_3) {
        if (!h && k0 + DEPTH_3 < hidden) continue;
        rk_run run = {.ahead = hidden > DEPTH_3 ? &ahead : 0, .h_stride = before, .panel = l->weights + (u * hidden + k0 * VW) * 3, .k0 = k0,
                      .depth = at_most(DEPTH_3, hidden - k0), .first = k0 == 0 || !h, .last = k0 + DEPTH_3 >= hidden};
        for (ptrdiff_t row = s.first; row < s.last;) {
          int tile = next_tile(s.last - row, TILE_ROWS_3);
          ask_next(&ahead, l, run.panel, run.depth * 3 * VW, DEPTH_3, row - s.first, tile, s.last - s.first);
          ptrdiff_t at = s.at + row;
          run.h = h ? h + row * before : 0;
          if (k0 == 0) prefetch_gates(l, l->gates + (at + tile) * l->gate_stride + u, tile, 3, VW);
          float *gates = l->gates + at * l->gate_stride + u, *out = l->outputs + at * l->output_stride + u;
          const float *bias = l->bias_m + u, *h_units = s.h ? s.h + row * s.h_stride + u : 0;
          if (u + VW <= units) {
            switch (tile) { EACH_ROWS_3(TILE_CASE, gru_tile(M, 0, l, &run, gates, bias, out, h_units, s.h_stride)) }
          } else if (s.last - row >= 2) {
            int pairs = (int)at_most((s.last - row) / 2, PAIRS);
            tile = 2 * pairs;
            switch (pairs) { EACH_PAIRS(TILE_CASE, gru_tile(M, TWO, l, &run, gates, bias, out, h_units, s.h_stride)) }
          } else {
            gru_tile(1, 1, l, &run, gates, bias, out, h_units, s.h_stride);
          }
          row += tile;
        }
      }
  }
}

RK_INLINE void rnn_loop(const rk_layer *l, const int relu) {
  rk_ahead ahead;
  ahead.rows = ahead.weight_lines = 0;
  ptrdiff_t units = l->units, hidden = INNER(l->hidden);
  for (rk_span s = {.part = -1}; next_span(l, &s);) {
    ptrdiff_t before;
    const float *h = round_rows(l, s.h, s.h_stride, units, s.first, s.last, &before);
    for (ptrdiff_t u = 0; u < units; u += PANEL)
      for (ptrdiff_t k0 = 0; k0 < hidden; k0 += DEPTH_2) {
        if (!h && k0 + DEPTH_2 < hidden) continue;
        rk_run run = {.ahead = hidden > DEPTH_2 ? &ahead : 0, .h_stride = before, .panel = l->weights + u * hidden + k0 * PANEL, .k0 = k0,
                      .depth = at_most(DEPTH_2, hidden - k0), .last = k0 + DEPTH_2 >= hidden};
        for (ptrdiff_t row = s.first; row < s.last;) {
          int tile = next_tile(s.last - row, TILE_ROWS_2);
          ask_next(&ahead, l, run.panel, run.depth * PANEL, DEPTH_2, row - s.first, tile, s.last - s.first);
          ptrdiff_t at = s.at + row;
          run.h = h ? h + row * before : 0;
          if (k0 == 0) prefetch_gates(l, l->gates + (at + tile) * l->gate_stride + u, tile, 1, PANEL);
          float *gates = l->gates + at * l->gate_stride + u, *out = l->outputs + at * l->output_stride + u;
#define CALL(NV, HALF) switch (tile) { EACH_ROWS_2(TILE_CASE, rnn_tile(M, NV, HALF, l, &run, gates, out, relu)) }
          PANEL_CASE(units - u, CALL)
#undef CALL
          row += tile;
        }
      }
  }
}
static void RK(rnn_forward)(const rk_layer *l, ptrdiff_t relu) {
  if (relu) rnn_loop(l, 1);
  else rnn_loop(l, 0);
}
