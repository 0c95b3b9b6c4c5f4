// The time loops of recurrent.h backwards: dh = d_outputs + (gate gradients of the next step)·W, then the gates' derivatives in place.

enum { RK_RNN = 1, RK_GRU = 3, RK_LSTM = 4 };

// Rows of one step that take their gradient alike: from the next step (part 0); from the final state (part 1); part 2 are the
// rows that began at this step, whose gradient goes on to the initial state.
typedef struct {
  ptrdiff_t i, part;
  ptrdiff_t first, last;  // rows of the batch, never empty
  ptrdiff_t at;           // where row 0 of this step lies
  ptrdiff_t before, old;  // where row 0 of the previous step lies, and how many rows are there
  const float *from;      // gate gradients of the next step, row 0, or null
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

RK_INLINE void back_gates(const int CELL, const int part, const rk_layer *l, vf dh, const rk_back *s, ptrdiff_t row, ptrdiff_t u,
                          int relu) {
  ptrdiff_t units = l->units, at = s->at + row;
  float *gates = l->gates + at * l->gate_stride + u;
  if (CELL == RK_LSTM) {
    const float *c_in = row < s->old ? l->cells + (s->before + row) * units + u : l->c0 ? l->c0 + row * units + u : 0;
    lstm_gates_back(dh, l, gates, part, c_in, l->cells + at * units + u, l->d_cell + row * units + u);
  } else if (CELL == RK_GRU) {
    ptrdiff_t stride = row < s->old ? l->output_stride : units;
    const float *h = row < s->old ? l->outputs + (s->before + row) * stride + u : l->h0 ? l->h0 + row * units + u : 0;
    rows_store(l->d_hidden + row * units + u, units, 0, gru_gates_back(dh, l, gates, part, h, stride), part);
  } else {
    vf h = rows_load(l->outputs + at * l->output_stride + u, l->output_stride, 0, part);
    rows_store(gates, l->gate_stride, 0, relu ? v_select(h > v_set(0), dh, v_set(0)) : dh * (1.0f - h * h), part);
  }
}

// Asks for what the gates' derivatives of these rows will read once the product is done: `streams` blocks, of which each of the
// product's `runs` asks for its part, so that they come while there is something to multiply.
RK_INLINE void ask_back(rk_ahead *ahead, const int CELL, const int NV, const rk_layer *l, const rk_back *s, ptrdiff_t row,
                        ptrdiff_t u, int rows, ptrdiff_t run, ptrdiff_t runs) {
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
    for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < NV * VW; v += 16) ask_row(ahead, from[f] + r * stride[f] + v);
}
// The gradients of outputs that the next tile starts from.
RK_INLINE void ask_outputs(rk_ahead *ahead, const int NV, const rk_layer *l, const rk_back *s, ptrdiff_t row, ptrdiff_t u, int rows) {
  if (l->hidden < 64 || !l->d_outputs) return;
  for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < NV * VW; v += 16)
      ask_row(ahead, l->d_outputs + (s->at + row + r) * l->d_output_stride + u + v);
}

// Where a tile of a run stands. `from` is the gradient of the gates this run reads, of the next step, or null.
typedef struct {
  const float *from, *panel;
  ptrdiff_t from_stride, depth, run, runs;
} rk_back_run;

// dh of some rows before the run. At the start of the inner product it is the part that does not come through the gates; d_hidden
// carries it and the partial sums.
RK_INLINE vf back_start(const int CELL, const rk_layer *l, const rk_back *s, const rk_back_run *b, ptrdiff_t row, ptrdiff_t u,
                        const int part) {
  int direct = CELL == RK_GRU || !b->from;  // without a next step it holds the gradient of the final state
  vf dh = b->run > 0 || direct ? rows_load(l->d_hidden + row * l->units + u, l->units, 0, part) : v_set(0);
  if (b->run == 0 && s->part != 2 && l->d_outputs)
    dh += rows_load(l->d_outputs + (s->at + row) * l->d_output_stride + u, l->d_output_stride, 0, part);
  return dh;
}
RK_INLINE void back_end(const int CELL, const rk_layer *l, const rk_back *s, const rk_back_run *b, ptrdiff_t row, ptrdiff_t u,
                        const int part, vf dh, int relu) {
  if (b->run == b->runs - 1 && s->part != 2) back_gates(CELL, part, l, dh, s, row, u, relu);
  else rows_store(l->d_hidden + row * l->units + u, l->units, 0, dh, part);
}

// One tile of one run.
RK_INLINE void back_tile(const int CELL, const int MR, const int NV, const int half, const rk_layer *l, rk_ahead *ahead, const rk_back *s,
                         const rk_back_run *b, ptrdiff_t row, ptrdiff_t u, int relu) {
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) acc[r][v] = back_start(CELL, l, s, b, row + r, u + v * VW, half && v == NV - 1);
  if (s->part != 2) ask_back(ahead, CELL, NV, l, s, row, u, MR, b->run, b->runs);
  if (b->run == 0 && s->part != 2) ask_outputs(ahead, NV, l, s, row + MR, u, MR);
  if (b->from) tile_multiply(MR, NV, acc, (int)b->depth, b->from + row * b->from_stride, b->from_stride, APART, b->panel, PANEL, ahead);
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < NV; v++) back_end(CELL, l, s, b, row + r, u + v * VW, half && v == NV - 1, acc[r][v], relu);
}

// The same of pairs of rows that end in half a vector, after a whole one where NV is 2: the halves of a pair are one vector.
RK_INLINE void back_tile_two(const int CELL, const int COUNT, const int NV, const rk_layer *l, const rk_back *s, const rk_back_run *b,
                             ptrdiff_t row, ptrdiff_t u, int relu) {
  const int MR = 2 * COUNT, WHOLE = NV - 1;
  vf acc[TILE_ROWS_2], two[TILE_ROWS_2 / 2];
  UNROLL for (int r = 0; r < MR && WHOLE; r++) acc[r] = back_start(CELL, l, s, b, row + r, u, 0);
  UNROLL for (int p = 0; p < COUNT; p++) two[p] = back_start(CELL, l, s, b, row + 2 * p, u + WHOLE * VW, TWO);
  if (b->from) {
    const float *from = b->from + row * b->from_stride, *panel = b->panel;
    for (int k = 0; k < (int)b->depth; k++, panel += PANEL)
      UNROLL for (int pass = 0; pass < APART; pass++, from++) {
        vf x[TILE_ROWS_2], whole = v_apart(panel, pass, 0), half = v_apart(panel + WHOLE * VW, pass, 0), y = v_two(half, half);
        UNROLL for (int r = 0; r < MR; r++) {
          x[r] = v_spread(from + r * b->from_stride);
          if (WHOLE) acc[r] = v_step(x[r], whole, acc[r]);
        }
        UNROLL for (int p = 0; p < COUNT; p++) two[p] = v_step(v_two(x[2 * p], x[2 * p + 1]), y, two[p]);
      }
  }
  UNROLL for (int r = 0; r < MR && WHOLE; r++) back_end(CELL, l, s, b, row + r, u, 0, acc[r], relu);
  UNROLL for (int p = 0; p < COUNT; p++) back_end(CELL, l, s, b, row + 2 * p, u + WHOLE * VW, TWO, two[p], relu);
}

#define TWO_CASE(COUNT) case 2 * COUNT: back_tile_two(CELL, COUNT, NV, l, s, b, row, u, relu); break;
RK_INLINE void back_rows(const int CELL, const int NV, const int half, const rk_layer *l, const rk_back *s, ptrdiff_t u,
                         const rk_back_run *b, int relu) {
  rk_ahead ahead;
  ahead.rows = 0;
  for (ptrdiff_t row = s->first; row < s->last;) {
    int tile = next_tile(s->last - row, TILE_ROWS_2);
    // Rows that began here and rows that go on are no pair.
    if (half && tile % 2 == 0 && (row + tile <= s->old || row >= s->old)) {
      switch (tile) { EACH_TWO(TWO_CASE) }
    } else {
      ask_next(&ahead, l, b->panel, b->depth * PANEL, DEPTH_2, row - s->first, tile, s->last - s->first);
      switch (tile) { EACH_ROWS_2(TILE_CASE, back_tile(CELL, M, NV, half, l, &ahead, s, b, row, u, relu)) }
    }
    row += tile;
  }
}

// Goes through the steps backwards; where wanted, the gradient of h0 is left in d_hidden (d_cell holds that of c0 by then).
RK_INLINE void back_loop(const int CELL, const rk_layer *l, int relu) {
  // Operands of one gate: as many as it has units in memory from one gate to the next, `hidden` of them in use.
  ptrdiff_t units = l->units, hidden = INNER(l->hidden), gate = units / ELEMENTS;
  // Gates that lie one after the other without padding are one inner product.
  ptrdiff_t parts = gate == hidden && CELL * hidden <= DEPTH_2 ? 1 : CELL, inner = CELL * hidden / parts;
  for (rk_back s = {.i = l->steps, .part = 2}; next_back(CELL, l, &s);) {
    int behind = s.from != 0;
    ptrdiff_t stride;
    const float *from = round_rows(l, s.from, l->gate_stride, CELL * units, s.first, s.last, &stride);
    for (ptrdiff_t u = 0; u < units; u += PANEL) {
      const float *panel = l->weights_back + u * CELL * hidden;
      for (ptrdiff_t g = 0; g < (behind ? parts : 1); g++)
        for (ptrdiff_t k0 = 0; k0 < (behind ? inner : 1); k0 += DEPTH_2) {
          ptrdiff_t depth = at_most(DEPTH_2, inner - k0);
          ptrdiff_t cuts = (inner + DEPTH_2 - 1) / DEPTH_2, run = g * cuts + k0 / DEPTH_2, runs = behind ? parts * cuts : 1;
          rk_back_run b = {.from = behind ? from + (g * gate + k0) * APART : 0, .panel = panel + (g * inner + k0) * PANEL,
                           .from_stride = stride, .depth = depth, .run = run, .runs = runs};
#define CALL(NV, HALF) back_rows(CELL, NV, HALF, l, &s, u, &b, relu);
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
