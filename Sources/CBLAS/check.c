// Products whose results are known: libraries with wrong kernels for a processor have been shipped.
#include "cblas_found.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int m, n, k;
} size;

// A full tile and a bit, thin ones, long inner runs, and blocks that are cut.
static const size sizes[] = {{1, 1, 1},     {3, 17, 5},    {16, 16, 16},  {1, 65, 33},   {33, 1, 129},  {7, 48, 64},
                             {31, 33, 300}, {65, 130, 67}, {24, 50, 515}, {250, 12, 40}, {67, 131, 130}};

typedef struct {
  int transpose_a, transpose_b;
} form;
// Forward, the gradient of the input, the gradient of the weight.
static const form forms[] = {{0, 1}, {0, 0}, {1, 0}};

typedef struct {
  size s;
  form f;
  ptrdiff_t lda, ldb, ldc, a_count, b_count, c_count;
  float *a, *b, *c;
  double *exact, *size_of;  // [m, n] the product, and the sum of its terms' sizes
} trial;

// Numbers between -1 and 1 that look random and are the same everywhere.
static void fill(float *x, ptrdiff_t count, uint32_t seed) {
  uint32_t state = seed * 2654435761u + 1;
  for (ptrdiff_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(int32_t)state / 2147483648.0f;
  }
}

static float a_at(const trial *t, ptrdiff_t i, ptrdiff_t p) {
  return t->f.transpose_a ? t->a[p * t->lda + i] : t->a[i * t->lda + p];
}
static float b_at(const trial *t, ptrdiff_t p, ptrdiff_t j) {
  return t->f.transpose_b ? t->b[j * t->ldb + p] : t->b[p * t->ldb + j];
}

static int begin(trial *t, size s, form f) {
  *t = (trial){.s = s, .f = f};
  // Rows a little apart, which nobody may write between.
  t->lda = (f.transpose_a ? s.m : s.k) + 3, t->ldb = (f.transpose_b ? s.k : s.n) + 1, t->ldc = s.n + 2;
  t->a_count = (f.transpose_a ? s.k : s.m) * t->lda, t->b_count = (f.transpose_b ? s.n : s.k) * t->ldb, t->c_count = s.m * t->ldc;
  t->a = malloc(t->a_count * sizeof(float)), t->b = malloc(t->b_count * sizeof(float)), t->c = malloc(t->c_count * sizeof(float));
  t->exact = calloc(s.m * s.n, sizeof(double)), t->size_of = calloc(s.m * s.n, sizeof(double));
  if (t->a == NULL || t->b == NULL || t->c == NULL || t->exact == NULL || t->size_of == NULL) return 0;
  fill(t->a, t->a_count, 1), fill(t->b, t->b_count, 2);
  for (ptrdiff_t i = 0; i < s.m; i++)
    for (ptrdiff_t p = 0; p < s.k; p++)
      for (ptrdiff_t j = 0; j < s.n; j++) {
        double product = (double)a_at(t, i, p) * b_at(t, p, j);
        t->exact[i * s.n + j] += product, t->size_of[i * s.n + j] += fabs(product);
      }
  return 1;
}
static void end(trial *t) { free(t->a), free(t->b), free(t->c), free(t->exact), free(t->size_of); }

static void multiply(const fb_library *l, trial *t, int accumulate) {
  fb_multiply(l, t->f.transpose_a, t->f.transpose_b, t->s.m, t->s.n, t->s.k, t->a, t->lda, t->b, t->ldb, t->c, t->ldc, accumulate);
}

// Whether C is the exact product plus `start` up to rounding, and what lies between its rows is `between`.
static int is_right(const trial *t, double start, float between) {
  for (ptrdiff_t i = 0; i < t->s.m; i++) {
    for (ptrdiff_t j = 0; j < t->s.n; j++) {
      double sum = t->exact[i * t->s.n + j] + start, all = t->size_of[i * t->s.n + j] + fabs(start);
      // Written so that NaN is wrong.
      if (!(fabs(t->c[i * t->ldc + j] - sum) <= all * 1.2e-7 * (t->s.k + 2))) return 0;
    }
    for (ptrdiff_t j = t->s.n; j < t->ldc; j++)
      if (memcmp(&t->c[i * t->ldc + j], &between, sizeof between) != 0) return 0;
  }
  return 1;
}

static void set(trial *t, float value) {
  for (ptrdiff_t i = 0; i < t->c_count; i++) t->c[i] = value;
}

// One NaN in A makes a row of C NaN, one infinity in B times zero a column, and nothing else is touched.
static int spreads(const fb_library *l, trial *t) {
  ptrdiff_t row = t->s.m / 2, column = t->s.n / 2, inner = t->s.k / 2;
  for (ptrdiff_t i = 0; i < t->s.m; i++) {
    float *place = t->f.transpose_a ? t->a + inner * t->lda + i : t->a + i * t->lda + inner;
    *place = i == row ? NAN : 0;
  }
  *(t->f.transpose_b ? t->b + column * t->ldb + inner : t->b + inner * t->ldb + column) = INFINITY;
  set(t, 0);
  multiply(l, t, 0);
  for (ptrdiff_t i = 0; i < t->s.m; i++)
    for (ptrdiff_t j = 0; j < t->s.n; j++)
      if (!isnan(t->c[i * t->ldc + j]) != !(i == row || j == column)) return 0;
  return 1;
}

static const char *wrong(const fb_library *l, trial *t) {
  set(t, NAN);
  float nan = NAN;
  multiply(l, t, 0);
  if (!is_right(t, 0, nan)) return "a product is wrong";
  set(t, 0.5f);
  multiply(l, t, 1);
  if (!is_right(t, 0.5, 0.5f)) return "a product that is added to another is wrong";
  return spreads(l, t) ? NULL : "a NaN or an infinity is lost or spreads";
}

int fb_doubt(const fb_library *library, char *detail, size_t capacity) {
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      trial t;
      const char *problem = begin(&t, sizes[s], forms[f]) ? wrong(library, &t) : "no memory";
      end(&t);
      if (problem == NULL) continue;
      snprintf(detail, capacity, "%s (%d x %d x %d, %s)", problem, sizes[s].m, sizes[s].n, sizes[s].k,
               forms[f].transpose_a   ? "first operand transposed"
               : forms[f].transpose_b ? "second operand transposed"
                                      : "none transposed");
      return 1;
    }
  return 0;
}
