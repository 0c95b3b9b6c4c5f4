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

// -- gates, one vector of units -----------------------------------------------------------------------------------------

// Hochreiter & Schmidhuber 1997 as in torch.nn.LSTM: c' = f·c + i·g, h = o·tanh(c').
RK_INLINE void lstm_gates(vf acc[4], float *gates, ptrdiff_t units, const int half, const float *c_in, float *c_out,
                          float *h, int keep) {
  vf i = v_sigmoid(acc[0]), f = v_sigmoid(acc[1]), g = v_tanh(acc[2]), o = v_sigmoid(acc[3]);
  vf c = c_in ? v_fma(f, u_load(c_in, half), i * g) : i * g;
  u_store(c_out, c, half);
  u_store(h, o * v_tanh(c), half);
  if (keep) {
    u_store(gates, i, half);
    u_store(gates + units, f, half);
    u_store(gates + 2 * units, g, half);
    u_store(gates + 3 * units, o, half);
  }
}

RK_INLINE void lstm_gates_back(vf dh, float *gates, ptrdiff_t units, const int half, const float *c_in, const float *c,
                               float *dc) {
  vf i = u_load(gates, half), f = u_load(gates + units, half);
  vf g = u_load(gates + 2 * units, half), o = u_load(gates + 3 * units, half);
  vf tc = v_tanh(u_load(c, half));
  vf d = v_fma(dh * o, 1.0f - tc * tc, u_load(dc, half));
  u_store(gates, d * g * i * (1.0f - i), half);
  u_store(gates + units, c_in ? d * u_load(c_in, half) * f * (1.0f - f) : v_set(0), half);
  u_store(gates + 2 * units, d * i * (1.0f - g * g), half);
  u_store(gates + 3 * units, dh * tc * o * (1.0f - o), half);
  u_store(dc, d * f, half);
}

// Cho et al. 2014 as in torch.nn.GRU, the reset gate after the recurrent product: n = tanh(x_n + r·m), h' = (1 - z)·n + z·h.
RK_INLINE void gru_gates(vf r, vf z, vf m, float *gates, ptrdiff_t units, const int half, const float *h_in, float *h) {
  r = v_sigmoid(r);
  z = v_sigmoid(z);
  vf n = v_tanh(v_fma(r, m, u_load(gates, half)));
  u_store(gates, n, half);
  u_store(gates + units, r, half);
  u_store(gates + 2 * units, z, half);
  u_store(gates + 3 * units, m, half);
  u_store(h, h_in ? v_fma(z, u_load(h_in, half) - n, n) : n - z * n, half);
}

// Leaves n r z m gradients behind and returns the part of dh that goes straight to the step before.
RK_INLINE vf gru_gates_back(vf dh, float *gates, ptrdiff_t units, const int half, const float *h_in) {
  vf n = u_load(gates, half), r = u_load(gates + units, half);
  vf z = u_load(gates + 2 * units, half), m = u_load(gates + 3 * units, half);
  vf dn = dh * (1.0f - z) * (1.0f - n * n);
  vf h = h_in ? u_load(h_in, half) : v_set(0);
  u_store(gates, dn, half);
  u_store(gates + units, dn * m * r * (1.0f - r), half);
  u_store(gates + 2 * units, dh * (h - n) * z * (1.0f - z), half);
  u_store(gates + 3 * units, dn * r, half);
  return dh * z;
}

// -- forward: acc = gates + h·Wᵀ in runs, gates at the end of the last run --------------------------------------

typedef struct {
  const float *h;      // h of the step before at this tile's first row, as operands, or null at the start
  ptrdiff_t h_stride;
  const float *c;      // likewise
  const float *panel;  // weights of this run
  ptrdiff_t k0, depth;
  rk_ahead *ahead;
  int first, last;     // whether this run starts, ends the inner product
} rk_run;

RK_INLINE void lstm_tile(const int MR, const int half, const rk_layer *l, const rk_run *run, float *gates, float *c, float *out) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf acc[TILE_ROWS_4][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int g = 0; g < 4; g++) acc[r][g] = u_load(gates + r * stride + g * units, half);
  if (run->h) tile_multiply(MR, 4, acc, (int)run->depth, run->h + run->k0, run->h_stride, 1, run->panel, 4 * VW, run->ahead);
  UNROLL for (int r = 0; r < MR; r++)
    if (run->last)
      lstm_gates(acc[r], gates + r * stride, units, half, run->c ? run->c + r * units : 0, c + r * units,
                 out + r * l->output_stride, (int)l->keep);
    else
      UNROLL for (int g = 0; g < 4; g++) u_store(gates + r * stride + g * units, acc[r][g], half);
}

RK_INLINE void gru_tile(const int MR, const int half, const rk_layer *l, const rk_run *run, float *gates, const float *bias, float *out,
                        const float *h_units, ptrdiff_t h_units_stride) {
  ptrdiff_t units = l->units, stride = l->gate_stride;
  vf acc[TILE_ROWS_3][4];
  UNROLL for (int r = 0; r < MR; r++) {
    acc[r][0] = u_load(gates + r * stride + units, half);
    acc[r][1] = u_load(gates + r * stride + 2 * units, half);
    acc[r][2] = u_load(run->first ? bias : gates + r * stride + 3 * units, half);
  }
  if (run->h) tile_multiply(MR, 3, acc, (int)run->depth, run->h + run->k0, run->h_stride, 1, run->panel, 3 * VW, run->ahead);
  UNROLL for (int r = 0; r < MR; r++)
    if (run->last) {
      gru_gates(acc[r][0], acc[r][1], acc[r][2], gates + r * stride, units, half, h_units ? h_units + r * h_units_stride : 0,
                out + r * l->output_stride);
    } else {
      u_store(gates + r * stride + units, acc[r][0], half);
      u_store(gates + r * stride + 2 * units, acc[r][1], half);
      u_store(gates + r * stride + 3 * units, acc[r][2], half);
    }
}

RK_INLINE void rnn_tile(const int MR, const int NV, const int half, const rk_layer *l, const rk_run *run, float *gates,
                        float *out, const int relu) {
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) acc[r][v] = u_load(gates + r * l->gate_stride + v * VW, half && v == NV - 1);
  if (run->h) tile_multiply(MR, NV, acc, (int)run->depth, run->h + run->k0, run->h_stride, 1, run->panel, PANEL, run->ahead);
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
  *low_stride = width / 2 % 256 == 0 ? width / 2 + 16 : width / 2;
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

static void RK(lstm_forward)(const rk_layer *l) {
  rk_ahead ahead;
  ahead.rows = ahead.weight_lines = 0;
  ptrdiff_t units = l->units, hidden = INNER(l->hidden);
  for (rk_span s = {.part = -1}; next_span(l, &s);) {
    ptrdiff_t before;
    const float *h = round_rows(l, s.h, s.h_stride, units, s.first, s.last, &before), *c_in = s.c;
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
          if (u + VW <= units)
            switch (tile) { EACH_ROWS_4(TILE_CASE, lstm_tile(M, 0, l, &run, gates, c, out)) }
          else
            switch (tile) { EACH_ROWS_4(TILE_CASE, lstm_tile(M, 1, l, &run, gates, c, out)) }
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
          if (u + VW <= units)
            switch (tile) { EACH_ROWS_3(TILE_CASE, gru_tile(M, 0, l, &run, gates, bias, out, h_units, s.h_stride)) }
          else
            switch (tile) { EACH_ROWS_3(TILE_CASE, gru_tile(M, 1, l, &run, gates, bias, out, h_units, s.h_stride)) }
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

// -- back: dh = d_outputs + (gate gradients of the next step)·W, then the gates' derivatives in place ------------------

enum { RK_RNN = 1, RK_GRU = 3, RK_LSTM = 4 };

// Rows of one step that take their gradient alike: from the next step (part 0); from the final state (part 1); part 2 are the
// rows that began at this step, whose gradient goes on to the initial state.
typedef struct {
  ptrdiff_t i, part;
  ptrdiff_t first, last;   // rows of the batch, never empty
  ptrdiff_t at;            // where row 0 of this step lies
  ptrdiff_t before, old;   // where row 0 of the previous step lies, and how many rows are there
  const float *from;       // gate gradients of the next step, row 0, or null
} rk_back;

// Goes on to the next span backwards; starts from {.i = steps, .part = 2}.
RK_INLINE int next_back(const int CELL, const rk_layer *l, rk_back *s) {
  do {
    if (++s->part == 3) s->part = 0, s->i--;
    if (s->i < 0) return 0;
    ptrdiff_t rows = step_rows(l, TIME(s->i)), on = rows_shared(l, s->i, s->i + 1);
    s->old = rows_shared(l, s->i, s->i - 1);
    s->first = s->part == 0 ? 0 : s->part == 1 ? on : s->old;
    s->last = s->part == 0 ? on : s->part == 1 || l->want_initial ? rows : 0;
    if (s->first < l->first_row) s->first = l->first_row;
    s->last = at_most(s->last, l->last_row);
  } while (s->first >= s->last);
  s->at = step_start(l, TIME(s->i));
  s->before = s->old ? step_start(l, TIME(s->i - 1)) : s->at;
  ptrdiff_t behind = s->part == 2 ? s->at : s->part == 0 ? step_start(l, TIME(s->i + 1)) : -1;
  // GRU gates lie as n r z m: the recurrent product saw r z m.
  s->from = behind < 0 ? 0 : l->gates + behind * l->gate_stride + (CELL == RK_GRU ? l->units : 0);
  return 1;
}

RK_INLINE void back_gates(const int CELL, const int half, const rk_layer *l, vf dh, const rk_back *s, ptrdiff_t row, ptrdiff_t u, int relu) {
  ptrdiff_t units = l->units, at = s->at + row;
  float *gates = l->gates + at * l->gate_stride + u;
  if (CELL == RK_LSTM) {
    const float *c_in = row < s->old ? l->cells + (s->before + row) * units + u : l->c0 ? l->c0 + row * units + u : 0;
    lstm_gates_back(dh, gates, units, half, c_in, l->cells + at * units + u, l->d_cell + row * units + u);
  } else if (CELL == RK_GRU) {
    const float *h = row < s->old ? l->outputs + (s->before + row) * l->output_stride + u : l->h0 ? l->h0 + row * units + u : 0;
    u_store(l->d_hidden + row * units + u, gru_gates_back(dh, gates, units, half, h), half);
  } else {
    vf h = u_load(l->outputs + at * l->output_stride + u, half);
    u_store(gates, relu ? v_select(h > v_set(0), dh, v_set(0)) : dh * (1.0f - h * h), half);
  }
}

// Asks for what the gates' derivatives of these rows will read once the product is done: `streams` blocks, of which each of the
// product's `runs` asks for its part, so that they come while there is something to multiply.
RK_INLINE void ask_back(rk_ahead *ahead, const int CELL, const int NV, const rk_layer *l, const rk_back *s, ptrdiff_t row, ptrdiff_t u,
                          int rows, ptrdiff_t run, ptrdiff_t runs) {
  if (l->hidden < 64) return;
  enum { STREAMS = 7 };
  ptrdiff_t at = s->at + row, before = s->before + row;
  const float *from[STREAMS];
  ptrdiff_t stride[STREAMS];
  int streams = 0;
  for (int g = 0; g < (CELL == RK_RNN ? 1 : 4); g++) {
    from[streams] = l->gates + at * l->gate_stride + g * l->units + u;
    stride[streams++] = l->gate_stride;
  }
  if (CELL == RK_LSTM) {
    from[streams] = l->cells + at * l->units + u;
    stride[streams++] = l->units;
    from[streams] = l->cells + before * l->units + u;
    stride[streams++] = l->units;
  } else {
    from[streams] = l->outputs + (CELL == RK_RNN ? at : before) * l->output_stride + u;
    stride[streams++] = l->output_stride;
  }
  for (int f = (int)(streams * run / runs), end = (int)(streams * (run + 1) / runs); f < end; f++)
    for (int r = 0; r < rows; r++)
      UNROLL for (int v = 0; v < NV * VW; v += 16) ask_row(ahead, from[f] + r * stride[f] + v);
}
// The gradients of outputs that the next tile starts from.
RK_INLINE void ask_outputs(rk_ahead *ahead, const int NV, const rk_layer *l, const rk_back *s, ptrdiff_t row, ptrdiff_t u, int rows) {
  if (l->hidden < 64 || !l->d_outputs) return;
  for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < NV * VW; v += 16)
      ask_row(ahead, l->d_outputs + (s->at + row + r) * l->d_output_stride + u + v);
}

// One tile of one run. `from` is the gradient of the gates this run reads, of the next step. At the start of the inner
// product acc is the part of dh that does not come through the gates; d_hidden carries it and the partial sums.
RK_INLINE void back_tile(const int CELL, const int MR, const int NV, const int half, const rk_layer *l, rk_ahead *ahead, const rk_back *s,
                         ptrdiff_t row, ptrdiff_t u, const float *from, ptrdiff_t from_stride, const float *panel,
                         ptrdiff_t depth, ptrdiff_t run, ptrdiff_t runs, int relu) {
  ptrdiff_t units = l->units;
  int first = run == 0, last = run == runs - 1;
  vf acc[TILE_ROWS_2][4];
  const int gates = s->part != 2;
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) {
      int part = half && v == NV - 1;
      const float *carried = l->d_hidden + (row + r) * units + u + v * VW;
      int direct = CELL == RK_GRU || !from;  // without a next step it holds the gradient of the final state
      acc[r][v] = !first || direct ? u_load(carried, part) : v_set(0);
      if (first && gates && l->d_outputs)
        acc[r][v] += u_load(l->d_outputs + (s->at + row + r) * l->d_output_stride + u + v * VW, part);
    }
  if (gates) ask_back(ahead, CELL, NV, l, s, row, u, MR, run, runs);
  if (first && gates) ask_outputs(ahead, NV, l, s, row + MR, u, MR);
  if (from) tile_multiply(MR, NV, acc, (int)depth, from, from_stride, 1, panel, PANEL, ahead);
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) {
      int part = half && v == NV - 1;
      if (last && gates) back_gates(CELL, part, l, acc[r][v], s, row + r, u + v * VW, relu);
      else u_store(l->d_hidden + (row + r) * units + u + v * VW, acc[r][v], part);
    }
}

RK_INLINE void back_rows(const int CELL, const int NV, const int half, const rk_layer *l, const rk_back *s, ptrdiff_t u,
                         const float *from, ptrdiff_t from_stride, const float *panel, ptrdiff_t depth,
                         ptrdiff_t run, ptrdiff_t runs, int relu) {
  rk_ahead ahead;
  ahead.rows = 0;
  for (ptrdiff_t row = s->first; row < s->last;) {
    int tile = next_tile(s->last - row, TILE_ROWS_2);
    const float *a = from ? from + row * from_stride : 0;
    ask_next(&ahead, l, panel, depth * PANEL, DEPTH_2, row - s->first, tile, s->last - s->first);
    switch (tile) {
      EACH_ROWS_2(TILE_CASE,
                 back_tile(CELL, M, NV, half, l, &ahead, s, row, u, a, from_stride, panel, depth, run, runs, relu))
    }
    row += tile;
  }
}

// Goes through the steps backwards; where wanted, the gradient of h0 is left in d_hidden (d_cell holds that of c0 by then).
RK_INLINE void back_loop(const int CELL, const rk_layer *l, int relu) {
  // Operands of one gate: as many as it has units in memory from one gate to the next, `hidden` of them in use.
  ptrdiff_t units = l->units, hidden = INNER(l->hidden), gate = units / ELEMENTS;
  for (rk_back s = {.i = l->steps, .part = 2}; next_back(CELL, l, &s);) {
    int behind = s.from != 0;
    ptrdiff_t stride;
    const float *from = round_rows(l, s.from, l->gate_stride, CELL * units, s.first, s.last, &stride);
    for (ptrdiff_t u = 0; u < units; u += PANEL) {
      const float *panel = l->weights_back + u * CELL * hidden;
      for (ptrdiff_t g = 0; g < (behind ? CELL : 1); g++)
        for (ptrdiff_t k0 = 0; k0 < (behind ? hidden : 1); k0 += DEPTH_2) {
          ptrdiff_t depth = at_most(DEPTH_2, hidden - k0);
          ptrdiff_t cuts = (hidden + DEPTH_2 - 1) / DEPTH_2, run = g * cuts + k0 / DEPTH_2, runs = behind ? CELL * cuts : 1;
          const float *a = behind ? from + g * gate + k0 : 0;
          const float *b = panel + (g * hidden + k0) * PANEL;
#define CALL(NV, HALF) back_rows(CELL, NV, HALF, l, &s, u, a, stride, b, depth, run, runs, relu);
          PANEL_CASE(units - u, CALL)
#undef CALL
        }
    }
  }
}

static void RK(lstm_backward)(const rk_layer *l) { back_loop(RK_LSTM, l, 0); }
static void RK(gru_backward)(const rk_layer *l) { back_loop(RK_GRU, l, 0); }
static void RK(rnn_backward)(const rk_layer *l, ptrdiff_t relu) {
  if (relu) back_loop(RK_RNN, l, 1);
  else back_loop(RK_RNN, l, 0);
}
