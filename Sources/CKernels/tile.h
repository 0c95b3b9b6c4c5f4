// The micro-kernel: a tile of MR rows × NV vectors of accumulators, held in registers over a run of k.
//
//   acc[r][v] += a[r·rs + k·cs] · b[k·ldb + v·VW …]        for k = 0 ..< depth, in that order
//
// of numbers or of pairs (operand.h).
//
// MR and NV (at most 4) are literal constants at each place of use, so that the loops unroll and acc lives in registers. Each
// accumulator sums its own products in order of k: the result of a row does not depend on the other rows of the tile,
// on MR, or on how rows are shared among threads.

// The most rows of a tile 2, 3, 4 vectors wide. EACH_ROWS_n(X, …) is X(MR, …) for every height such a tile comes in: few
// of them, because each becomes code of its own.
#if RK_REGISTERS >= 32
#define TILE_ROWS_2 8
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
#define EACH_ROWS_2(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(4, __VA_ARGS__) X(8, __VA_ARGS__)
#define EACH_ROWS_3(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(4, __VA_ARGS__) X(8, __VA_ARGS__)
#define EACH_ROWS_4(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(4, __VA_ARGS__) X(6, __VA_ARGS__)
// Even heights of a tile two vectors wide, in pairs of rows.
#define EACH_TWO(X) X(1) X(2) X(4)
// Inner products are cut into runs of this length, by the panel's width: a run of weights stays in first-level cache.
#define DEPTH_2 256
#define DEPTH_3 256
#define DEPTH_4 256
#else
#define TILE_ROWS_2 6
#define TILE_ROWS_3 3
#define TILE_ROWS_4 3
#define EACH_ROWS_2(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(6, __VA_ARGS__)
#define EACH_ROWS_3(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)
#define EACH_ROWS_4(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)
#define EACH_TWO(X) X(1) X(2) X(3)
#define DEPTH_2 256
#define DEPTH_3 160
#define DEPTH_4 128
#endif

// Pairs of rows of a tile three or four vectors wide that takes half a vector of each row: half as many registers as rows.
#define PAIRS 3
#define EACH_PAIRS(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)

RK_INLINE ptrdiff_t at_most(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// The next tile's height: `most`, or a smaller one that exists. A thin tile takes as long as one of twice its height, so that
// two middling ones are better than a full and a thin one.
RK_INLINE int next_tile(ptrdiff_t left, const int most) {
  if (most == 3) return left == 4 ? 2 : left >= 3 ? 3 : (int)left;
  if (most == 6 && (left == 7 || left == 8)) return 4;
  if (left >= most) return most;
  if (most == 6 && RK_REGISTERS < 32 && (left == 5 || left == 3)) return 3;
  return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

#define NO_UNROLL _Pragma("clang loop unroll(disable)")

// Lines to ask for while a tile computes, so that they come one by one and not in bursts that hold up the tile's own loads.
typedef struct {
  const float *weights;  // the next `weight_lines` lines of weights, into second-level cache
  int weight_lines;
  int rows;               // how many of `row` are left
  const float *row[128];  // what this tile and the next read beside weights
} rk_ahead;

RK_INLINE void ask_row(rk_ahead *ahead, const float *line) {
  if (ahead->rows < 128) ahead->row[ahead->rows++] = line;
}
RK_INLINE void ask(rk_ahead *ahead) {
  UNROLL for (int i = 0; i < 2; i++)
    if (ahead->weight_lines > 0) {
      __builtin_prefetch(ahead->weights, 0, 2);
      ahead->weights += 16;
      ahead->weight_lines--;
    }
  if (ahead->rows > 0) __builtin_prefetch(ahead->row[--ahead->rows], 1, 3);
}

// One operand of each row; a pair that is taken apart is two. Row r is `row[r / 3]`, and up to two rows on.
RK_INLINE void tile_step(const int MR, const int NV, vf acc[][4], const float *const row[], ptrdiff_t rs, ptrdiff_t at,
                         const float *restrict b) {
#define TILE_A(r) (row[(r) / 3] + (r) % 3 * rs + at + pass)
  UNROLL for (int pass = 0; pass < APART; pass++)
    // The smaller side of the tile waits in registers, the other passes through one.
    if (MR < NV) {
      vf x[4];
      UNROLL for (int r = 0; r < MR; r++) x[r] = v_spread(TILE_A(r));
      UNROLL for (int v = 0; v < NV; v++) {
        vf y = v_apart(b + v * VW, pass, 1);
        UNROLL for (int r = 0; r < MR; r++) acc[r][v] = v_step(x[r], y, acc[r][v]);
      }
    } else {
      vf y[4];
      UNROLL for (int v = 0; v < NV; v++) y[v] = v_apart(b + v * VW, pass, 0);
      UNROLL for (int r = 0; r < MR; r++) {
        vf x = v_spread(TILE_A(r));
        UNROLL for (int v = 0; v < NV; v++) acc[r][v] = v_step(x, y[v], acc[r][v]);
      }
    }
#undef TILE_A
}

// The same of MR pairs of rows, of which each has half a vector: their halves are one.
RK_INLINE void tile_multiply_two(const int MR, const int NV, vf acc[][4], int depth, const float *restrict a, ptrdiff_t rs,
                                 const float *restrict b, ptrdiff_t ldb) {
  for (int k = 0; k < depth; k++, b += ldb)
    UNROLL for (int pass = 0; pass < APART; pass++, a++) {
      vf x[TILE_ROWS_2];
      UNROLL for (int r = 0; r < MR; r++) x[r] = v_two(v_spread(a + 2 * r * rs), v_spread(a + (2 * r + 1) * rs));
      UNROLL for (int v = 0; v < NV; v++) {
        vf whole = v_apart(b + v * VW, pass, 1), y = v_two(whole, whole);
        UNROLL for (int r = 0; r < MR; r++) acc[r][v] = v_step(x[r], y, acc[r][v]);
      }
    }
}

// Some operands a round, so that walking along them costs little beside multiplying; `ahead` may be null.
RK_INLINE void tile_multiply_by(const int ROUND, const int MR, const int NV, vf acc[][4], int depth, const float *restrict a,
                                ptrdiff_t rs, ptrdiff_t cs, const float *restrict b, ptrdiff_t ldb, rk_ahead *ahead) {
  const float *row[(TILE_ROWS_2 + 2) / 3];
  UNROLL for (int q = 0; 3 * q < MR; q++) {
    row[q] = a + 3 * q * rs;
    __asm__("" : "+r"(row[q]));  // else each row is found from the one before it, one addition after the other
  }
  int k = depth;
  NO_UNROLL for (; k >= ROUND; k -= ROUND) {
    if (ahead && (ROUND >= 4 || !(k & 3))) ask(ahead);
    UNROLL for (int j = 0; j < ROUND; j++) tile_step(MR, NV, acc, row, rs, j * cs, b + j * ldb);
    UNROLL for (int q = 0; 3 * q < MR; q++) row[q] += ROUND * cs;
    b += ROUND * ldb;
  }
  if (ROUND > 1) NO_UNROLL for (; k > 0; k--, b += ldb) {
      tile_step(MR, NV, acc, row, rs, 0, b);
      UNROLL for (int q = 0; 3 * q < MR; q++) row[q] += cs;
    }
  if (ahead)
    while (ahead->rows > 0) __builtin_prefetch(ahead->row[--ahead->rows], 1, 3);
}
RK_INLINE void tile_multiply(const int MR, const int NV, vf acc[][4], int depth, const float *restrict a, ptrdiff_t rs,
                             ptrdiff_t cs, const float *restrict b, ptrdiff_t ldb, rk_ahead *ahead) {
  tile_multiply_by(4, MR, NV, acc, depth, a, rs, cs, b, ldb, ahead);
}

// One row times two panels of weights, the second `next` after the first: those of one are too few sums to fill the time that a
// multiplication takes.
RK_INLINE void tile_multiply_one(const int NV, vf acc[][4], int depth, const float *restrict a, const float *restrict b,
                                 ptrdiff_t next, ptrdiff_t ldb) {
  for (int k = 0; k < depth; k++, b += ldb)
    UNROLL for (int pass = 0; pass < APART; pass++, a++) {
      vf x = v_spread(a);
      UNROLL for (int v = 0; v < NV; v++) {
        acc[0][v] = v_step(x, v_apart(b + v * VW, pass, 1), acc[0][v]);
        acc[1][v] = v_step(x, v_apart(b + next + v * VW, pass, 1), acc[1][v]);
      }
    }
}
