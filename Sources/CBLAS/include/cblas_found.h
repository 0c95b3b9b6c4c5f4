// A BLAS that is found when the program runs: one function of it is used, the product of single precision.
#ifndef CBLAS_FOUND_H
#define CBLAS_FOUND_H
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// What cblas.h has for the arguments that are used: a test compares them.
enum { FB_ROW_MAJOR = 101, FB_NO_TRANS = 111, FB_TRANS = 112 };

// Integers are passed in 64 bits whatever the library takes: a callee of 32 reads the low half, of what stands after a pointer (on a
// processor that stores it first) as of a register or a slot of the stack. Lengths of texts that some Fortran compilers pass come last.
typedef void (*fb_fortran)(const char *, const char *, const int64_t *m, const int64_t *n, const int64_t *k, const float *alpha,
                           const float *a, const int64_t *lda, const float *b, const int64_t *ldb, const float *beta, float *c,
                           const int64_t *ldc, size_t, size_t);
typedef void (*fb_cblas)(int64_t order, int64_t ta, int64_t tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                         int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

enum { FB_TEXT = 256 };

// A library that was opened; it stays open as long as the program runs.
typedef struct {
  fb_fortran _Nullable fortran;  // one of the two
  fb_cblas _Nullable cblas;
  char description[FB_TEXT];  // maker, version and configuration in its own words, else its file's name and size
  char file[FB_TEXT];         // where it was found
  int32_t several;            // whether several threads may call it at the same time
} fb_library;

enum fb_found { FB_READY, FB_MISSING, FB_NO_PRODUCT, FB_STARTS_THREADS };

// Opens the library of this name or path, and holds its threads at one: each call computes where it was called. Not for
// several threads at a time. The detail of a refusal is one line.
enum fb_found fb_load(const char *name, fb_library *library, char *detail, size_t capacity);

// C[m, n] = op(A)·op(B), or added to C: row-major, op the transpose where asked for; A is stored [m, k] or [k, m], B [k, n] or [n, k].
void fb_multiply(const fb_library *, int transpose_a, int transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
                 ptrdiff_t lda, const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, int accumulate);

// What products of awkward sizes show to be wrong: a text with sizes, or 0 where all equal double precision. Takes some milliseconds.
int fb_doubt(const fb_library *, char *detail, size_t capacity);

#pragma clang assume_nonnull end
#endif
