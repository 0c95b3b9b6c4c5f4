// LSTM layers of twelve units in vectors of sixteen, stored as they are: padded, a quarter of every vector would be idle.
//
// A row of gates is three whole vectors, [i f g o] of twelve units each; a quarter of a vector has four units of one gate. Where the
// quarters of four rows change places, each vector has four units of one gate of all four: no lane is idle, neither in products nor in
// gates. Where inputs are few they are multiplied here too, so that gates go to memory once. Sums have the order of padded layers.
#if VW == 16 && !RK_BF16
enum { UNITS = 12, WIDTH = 4 * UNITS / VW, BLOCKS = UNITS / 4 };
#define IS_UNPADDED(gates, hidden) ((gates) == 4 && (hidden) == UNITS)
#define UNPADDED_ROWS(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(4, __VA_ARGS__)

// [outputs, depth] → [depth, outputs]
RK_INLINE void pack_unpadded(const float *w, ptrdiff_t depth, float *packed) {
  for (ptrdiff_t row = 0; row < 4 * UNITS; row += VW) {
    const float *rows[VW];
    for (ptrdiff_t r = 0; r < VW; r++) rows[r] = w + (row + r) * depth;
    pack_rows(rows, 0, depth, 4 * UNITS, packed + row);
  }
}

typedef float vq __attribute__((vector_size(16), aligned(4)));
#define QUARTER(x, q) __builtin_shufflevector(x, x, 4 * (q), 4 * (q) + 1, 4 * (q) + 2, 4 * (q) + 3)
// Quarter q of x[r] and quarter r of x[q] change places.
RK_INLINE void turn_quarters(vf x[4]) {
#define FIRST(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define SECOND(a, b) __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
  vf a = FIRST(x[0], x[1]), b = SECOND(x[0], x[1]), c = FIRST(x[2], x[3]), d = SECOND(x[2], x[3]);
  x[0] = EVEN(a, c), x[1] = ODD(a, c), x[2] = EVEN(b, d), x[3] = ODD(b, d);
#undef FIRST
#undef SECOND
#undef EVEN
#undef ODD
}

// Four units of four rows.
RK_INLINE vf quad_load(const float *p) {
  const vq *first = (const vq *)p, *second = (const vq *)(p + UNITS), *third = (const vq *)(p + 2 * UNITS);
  vh one = __builtin_shufflevector(*first, *second, 0, 1, 2, 3, 4, 5, 6, 7);
  vh two = __builtin_shufflevector(*third, *(const vq *)(p + 3 * UNITS), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(one, two, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
RK_INLINE void quad_store(float *p, ptrdiff_t stride, vf x) {
  *(vq *)p = QUARTER(x, 0);
  *(vq *)(p + stride) = QUARTER(x, 1);
  *(vq *)(p + 2 * stride) = QUARTER(x, 2);
  *(vq *)(p + 3 * stride) = QUARTER(x, 3);
}

// Gates of four rows as vectors of one gate each, [i f g o][BLOCKS], and back.
RK_INLINE void turn_gates(vf x[4 * BLOCKS]) {
  UNROLL for (int v = 0; v < WIDTH; v++) turn_quarters(x + 4 * v);
}

RK_INLINE void quad_gates(vf acc[][4], const rk_layer *l, float *gates, const float *c_in, float *c_out, float *h) {
  vf x[4 * BLOCKS];
  UNROLL for (int v = 0; v < WIDTH; v++)
    UNROLL for (int r = 0; r < 4; r++) x[4 * v + r] = acc[r][v];
  turn_gates(x);
  UNROLL for (int b = 0; b < 4 * BLOCKS; b++) x[b] = b / BLOCKS == 2 ? v_tanh(x[b]) : v_sigmoid(x[b]);
  UNROLL for (int b = 0; b < BLOCKS; b++) {
    vf i = x[b], f = x[BLOCKS + b], g = x[2 * BLOCKS + b], o = x[3 * BLOCKS + b];
    vf c = c_in ? v_fma(f, quad_load(c_in + 4 * b), i * g) : i * g;
    quad_store(c_out + 4 * b, UNITS, c);
    quad_store(h + 4 * b, l->output_stride, o * v_tanh(c));
  }
  if (!l->keep) return;
  turn_gates(x);
  UNROLL for (int v = 0; v < WIDTH; v++)
    UNROLL for (int r = 0; r < 4; r++) v_store(gates + r * l->gate_stride + v * VW, x[4 * v + r]);
}

// A row that has no three others beside it: a gate begins a vector, whose last quarter is of no use.
RK_INLINE void row_gates(const vf acc[4], const rk_layer *l, float *gates, const float *c_in, float *c_out, float *h) {
  vf i = v_sigmoid(acc[0]);
  vf f = v_sigmoid(__builtin_shufflevector(acc[0], acc[1], 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27));
  vf g = v_tanh(__builtin_shufflevector(acc[1], acc[2], 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
  vf o = v_sigmoid(__builtin_shufflevector(acc[2], acc[2], 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
  vf c = c_in ? v_fma(f, v_load_part(c_in, UNITS), i * g) : i * g;
  v_store_part(c_out, c, UNITS);
  v_store_part(h, o * v_tanh(c), UNITS);
  if (!l->keep) return;
  v_store_part(gates, i, UNITS);
  v_store_part(gates + UNITS, f, UNITS);
  v_store_part(gates + 2 * UNITS, g, UNITS);
  v_store_part(gates + 3 * UNITS, o, UNITS);
}

RK_INLINE void unpadded_tile(const int MR, const rk_layer *l, const rk_span *s, ptrdiff_t row) {
  ptrdiff_t at = s->at + row;
  float *gates = l->gates + at * l->gate_stride;
  vf acc[TILE_ROWS_3][4];
  UNROLL for (int r = 0; r < MR; r++)
    UNROLL for (int v = 0; v < WIDTH; v++) acc[r][v] = v_load(l->inputs ? l->bias + v * VW : gates + r * l->gate_stride + v * VW);
  if (l->inputs)
    tile_multiply_by(1, MR, WIDTH, acc, (int)l->input_width, l->inputs + at * l->input_stride, l->input_stride, 1, l->input_weights, WIDTH * VW, 0);
  if (s->h) tile_multiply_by(1, MR, WIDTH, acc, UNITS, s->h + row * s->h_stride, s->h_stride, 1, l->weights, WIDTH * VW, 0);
  UNROLL for (int r = 0; r < MR; r += MR < 4 ? 1 : 4) {
    const float *c_in = s->c ? s->c + (row + r) * UNITS : 0;
    float *to = gates + r * l->gate_stride, *c = l->cells + (at + r) * UNITS, *h = l->outputs + (at + r) * l->output_stride;
    if (MR < 4) row_gates(acc[r], l, to, c_in, c, h);
    else quad_gates(acc + r, l, to, c_in, c, h);
  }
}

// Gates wait for divisions while the next tile's product goes on: more of them where tiles are no higher than the four rows of gates.
static void RK(unpadded_forward)(const rk_layer *l) {
  for (rk_span s = {.part = -1}; next_span(l, &s);)
    for (ptrdiff_t row = s.first; row < s.last;) {
      int tile = next_tile(s.last - row, 4);
      switch (tile) { UNPADDED_ROWS(TILE_CASE, unpadded_tile(M, l, &s, row)) }
      row += tile;
    }
}

RK_INLINE void quad_gates_back(const vf acc[][4], const rk_layer *l, float *gates, const float *c_in, const float *c, float *dc) {
  vf dh[4], x[4 * BLOCKS];
  UNROLL for (int r = 0; r < 4; r++) {
    dh[r] = acc[r][0];
    UNROLL for (int v = 0; v < WIDTH; v++) x[4 * v + r] = v_load(gates + r * l->gate_stride + v * VW);
  }
  turn_quarters(dh);
  turn_gates(x);
  UNROLL for (int b = 0; b < BLOCKS; b++) {
    vf gate[4], before = c_in ? quad_load(c_in + 4 * b) : v_set(0);
    UNROLL for (int g = 0; g < 4; g++) gate[g] = x[g * BLOCKS + b];
    vf to = lstm_derivatives(gate, dh[b], before, c_in != 0, quad_load(c + 4 * b), quad_load(dc + 4 * b));
    UNROLL for (int g = 0; g < 4; g++) x[g * BLOCKS + b] = gate[g];
    quad_store(dc + 4 * b, UNITS, to);
  }
  turn_gates(x);
  UNROLL for (int v = 0; v < WIDTH; v++)
    UNROLL for (int r = 0; r < 4; r++) v_store(gates + r * l->gate_stride + v * VW, x[4 * v + r]);
}

RK_INLINE void row_gates_back(vf dh, float *gates, const float *c_in, const float *c, float *dc) {
  vf gate[4], before = c_in ? v_load_part(c_in, UNITS) : v_set(0);
  UNROLL for (int g = 0; g < 4; g++) gate[g] = v_load_part(gates + g * UNITS, UNITS);
  vf to = lstm_derivatives(gate, dh, before, c_in != 0, v_load_part(c, UNITS), v_load_part(dc, UNITS));
  UNROLL for (int g = 0; g < 4; g++) v_store_part(gates + g * UNITS, gate[g], UNITS);
  v_store_part(dc, to, UNITS);
}

RK_INLINE void unpadded_tile_back(const int MR, const rk_layer *l, const rk_back *s, ptrdiff_t row) {
  ptrdiff_t at = s->at + row;
  vf acc[TILE_ROWS_2][4];
  UNROLL for (int r = 0; r < MR; r++) {
    acc[r][0] = s->from ? v_set(0) : v_load_part(l->d_hidden + (row + r) * UNITS, UNITS);
    if (s->part != 2 && l->d_outputs) acc[r][0] += v_load_part(l->d_outputs + (at + r) * l->d_output_stride, UNITS);
  }
  if (s->from) tile_multiply_by(1, MR, 1, acc, 4 * UNITS, s->from + row * l->gate_stride, l->gate_stride, 1, l->weights_back, PANEL, 0);
  if (s->part == 2) {
    UNROLL for (int r = 0; r < MR; r++) v_store_part(l->d_hidden + (row + r) * UNITS, acc[r][0], UNITS);
    return;
  }
  const float *before = row < s->old ? l->cells + (s->before + row) * UNITS : l->c0 ? l->c0 + row * UNITS : 0;
  UNROLL for (int r = 0; r < MR; r += MR < 4 ? 1 : 4) {
    const float *c_in = before ? before + r * UNITS : 0, *c = l->cells + (at + r) * UNITS;
    float *gates = l->gates + (at + r) * l->gate_stride, *dc = l->d_cell + (row + r) * UNITS;
    if (MR < 4) row_gates_back(acc[r][0], gates, c_in, c, dc);
    else quad_gates_back(acc + r, l, gates, c_in, c, dc);
  }
}

static void RK(unpadded_backward)(const rk_layer *l) {
  for (rk_back s = {.i = l->steps, .part = 2}; next_back(RK_LSTM, l, &s);)
    for (ptrdiff_t row = s.first; row < s.last;) {
      // Rows that began here and rows that go on have their c before in different places.
      ptrdiff_t left = (row < s.old ? at_most(s.old, s.last) : s.last) - row;
      int tile = next_tile(left, TILE_ROWS_2);
      switch (tile) { EACH_ROWS_2(TILE_CASE, unpadded_tile_back(M, l, &s, row)) }
      row += tile;
    }
}
#else
#define IS_UNPADDED(gates, hidden) 0
RK_INLINE void pack_unpadded(const float *w, ptrdiff_t depth, float *packed) { (void)w, (void)depth, (void)packed; }
RK_INLINE void RK(unpadded_forward)(const rk_layer *l) { (void)l; }
RK_INLINE void RK(unpadded_backward)(const rk_layer *l) { (void)l; }
#endif

// Whole vectors, or a half one at the end where that saves a sixth or more.
static ptrdiff_t RK(stored_units)(ptrdiff_t gates, ptrdiff_t hidden) {
  if (IS_UNPADDED(gates, hidden)) return hidden;
  ptrdiff_t whole = (hidden + VW - 1) / VW * VW, half = whole - VW / 2;
  return half >= hidden && 6 * (whole - half) >= whole ? half : whole;
}
static void RK(pack_input)(const float *w, ptrdiff_t width, float *packed) { pack_unpadded(w, width, packed); }
static void RK(pack_recurrent_of)(const float *w, ptrdiff_t gates, ptrdiff_t hidden, float *packed) {
  if (IS_UNPADDED(gates, hidden)) pack_unpadded(w, hidden, packed);
  else RK(pack_recurrent)(w, gates, hidden, packed);
}
static void RK(lstm_forward_of)(const rk_layer *l) {
  if (IS_UNPADDED(4, l->hidden)) RK(unpadded_forward)(l);
  else RK(lstm_forward)(l);
}
static void RK(lstm_backward_of)(const rk_layer *l) {
  if (IS_UNPADDED(4, l->hidden)) RK(unpadded_backward)(l);
  else RK(lstm_backward)(l);
}
