import Foundation

/// Where there is one.
public let cCompiler = find("cc") ?? find("clang")

/// A BLAS of thirty lines that is compiled for a test, right or with a fault.
public enum TinyBLAS: String, CaseIterable, Sendable {
  /// Fortran's name, integers of 32 or of 64 bits.
  case fortran, fortran64
  /// C's names alone.
  case cblas, cblas64
  /// The last of 33 and more columns is left out.
  case wrongEdge
  /// What is overwritten is multiplied by zero first: NaN stays.
  case keepsNaN
  /// Terms with a zero in them are skipped: NaN and infinity are lost.
  case losesNaN
  /// Rows of C are written beyond their end.
  case writesBeyond
  /// Right for all sizes that are checked when a library is opened, and wrong for larger ones.
  case wrongWhenLarge
  case startsThreads
  /// Another library altogether.
  case hasNoProduct

  /// Compiles it in a folder that is removed when `body`, which gets its path, has ended.
  public func withLibrary<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blas-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(build(in: folder.path))
  }

  /// - Returns: its path.
  private func build(in folder: String) throws -> String {
    let (source, library) = ("\(folder)/\(rawValue).c", "\(folder)/libtiny-\(rawValue).so")
    try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
    let outcome = try run(
      cCompiler!, ["-shared", "-fPIC", "-O1", "-pthread", "-D\(rawValue)=1", "-o", library, source])
    guard outcome.status == 0 else { throw CocoaError(.executableLoad, userInfo: ["errors": outcome.errors]) }
    return library
  }

  private static let source = #"""
    #include <pthread.h>
    #include <stdint.h>
    #include <unistd.h>
    #if defined(fortran64) || defined(cblas64)
    typedef int64_t integer;
    #else
    typedef int32_t integer;
    #endif
    #if !defined(hasNoProduct)
    // By columns: C[i + j·ldc] = Σ op(A)[i, p]·op(B)[p, j] + beta·C.
    static void product(int ta, int tb, integer m, integer n, integer k, float alpha, const float *a, integer lda, const float *b,
                        integer ldb, float beta, float *c, integer ldc) {
    #ifdef wrongEdge
      if (m > 32) m--;
    #endif
    #ifdef wrongWhenLarge
      int wrong = m >= 300;
    #else
      int wrong = 0;
    #endif
    #ifdef writesBeyond
      if (ldc > m) c[m] = 7;
    #endif
      for (integer j = 0; j < n; j++)
        for (integer i = 0; i < m; i++) {
          double sum = 0;
          for (integer p = 0; p < k - wrong; p++) {
            float x = ta ? a[p + i * (intptr_t)lda] : a[i + p * (intptr_t)lda];
            float y = tb ? b[j + p * (intptr_t)ldb] : b[p + j * (intptr_t)ldb];
    #ifdef losesNaN
            if (x == 0 || y == 0) continue;
    #endif
            sum += (double)x * y;
          }
          float *to = c + i + j * (intptr_t)ldc;
    #ifdef keepsNaN
          *to = alpha * sum + beta * *to;
    #else
          *to = beta == 0 ? alpha * sum : alpha * sum + beta * *to;
    #endif
        }
    }
    #ifdef startsThreads
    static void *wait_long(void *nothing) { sleep(3600); return nothing; }
    #endif
    #if defined(cblas)
    #define NAME cblas_sgemm
    #elif defined(cblas64)
    #define NAME cblas_sgemm64_
    #endif
    #ifdef NAME
    void NAME(int order, int ta, int tb, integer m, integer n, integer k, float alpha, const float *a, integer lda, const float *b,
              integer ldb, float beta, float *c, integer ldc) {
      if (order == 101) product(tb == 112, ta == 112, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc);
    }
    #else
    #ifdef fortran64
    #define sgemm_ sgemm_64_
    #endif
    void sgemm_(const char *ta, const char *tb, const integer *m, const integer *n, const integer *k, const float *alpha,
                const float *a, const integer *lda, const float *b, const integer *ldb, const float *beta, float *c,
                const integer *ldc) {
    #ifdef startsThreads
      pthread_t thread;
      pthread_create(&thread, 0, wait_long, 0);
    #endif
      product(*ta == 'T', *tb == 'T', *m, *n, *k, *alpha, a, *lda, b, *ldb, *beta, c, *ldc);
    }
    #endif
    #endif
    int tiny_blas;
    """#
}
