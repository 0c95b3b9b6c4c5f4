import CBLAS
import Diagnostics
import Foundation
import Kernels
import TestSupport
import Testing

/// Libraries that may be found: right ones are used under any names, others are refused by one line.
@Suite(.tags(.fast), .enabled(if: cCompiler != nil, "no C compiler is installed"))
struct BLASLibraryTests {
  private func open(_ kind: TinyBLAS) throws -> BLASLibrary.SearchResult {
    try kind.withLibrary { BLASLibrary.open([$0]) }
  }

  @Test(arguments: [TinyBLAS.fortran, .fortran64, .cblas, .cblas64])
  func `any names and integers`(_ kind: TinyBLAS) throws {
    let finding = try open(kind)
    let library = try #require(finding.library, "\(finding)")
    #expect(library.description.hasPrefix("libtiny-\(kind.rawValue).so of "))
  }

  @Test(arguments: [
    (TinyBLAS.wrongEdge, "is not used: a product is wrong (1 x 65 x 33, second operand transposed)"),
    (.keepsNaN, "is not used: a product is wrong (1 x 1 x 1, second operand transposed)"),
    (
      .losesNaN,
      "is not used: a NaN or an infinity is lost or spreads (3 x 17 x 5, second operand transposed)"
    ),
    (.writesBeyond, "is not used: a product is wrong (1 x 1 x 1"),
    (.startsThreads, "is not used: it starts threads of its own, and no known way to hold them at one"),
    (.hasNoProduct, "is not used: it has neither sgemm_ nor cblas_sgemm"),
  ]) func `a bad one is refused by name`(_ kind: TinyBLAS, _ words: String) throws {
    let finding = try open(kind)
    #expect(finding.library == nil && finding.isRefusal)
    let problem = try #require(finding.problem)
    #expect(problem.contains("libtiny-\(kind.rawValue).so") && problem.contains(words), "\(problem)")
  }

  @Test func `none is none`() throws {
    let finding = BLASLibrary.open(["/nowhere/libopenblas.so.0", "libnowhere.so"])
    #expect(finding.library == nil && !finding.isRefusal)
    #expect(finding.problem?.hasPrefix("no BLAS is there: /nowhere/libopenblas.so.0: cannot open") == true)
  }

  @Test func `names of makers and paths`() throws {
    #expect(try BLASLibrary.candidates(nil).first == "libopenblas.so.0")
    #expect(try BLASLibrary.candidates("mkl").contains("libmkl_rt.so.2"))
    #expect(try BLASLibrary.candidates("blis").contains("libblis.so.4"))
    #expect(try BLASLibrary.candidates("/opt/x/libblas.so") == ["/opt/x/libblas.so"])
    #expect(
      throws: Failure.usage(
        "RECUR_BLAS=acml is not understood; give openblas, mkl, blis, or the path of a library")
    ) {
      try BLASLibrary.candidates("acml")
    }
  }

  static let header = ["/usr/include/cblas.h", "/usr/include/x86_64-linux-gnu/cblas.h"].first {
    FileManager.default.fileExists(atPath: $0)
  }

  /// `cblas_found.h` declares what it needs of cblas.h by hand.
  @Test(.enabled(if: header != nil, "cblas.h (libopenblas-dev) is not installed"))
  func `what is assumed stands in the header`() throws {
    let program = """
      #include "\(Self.header!)"
      #ifndef __clang__
      #define _Nullable
      #endif
      #include "\(package.path)/Sources/CBLAS/include/cblas_found.h"
      _Static_assert(FB_ROW_MAJOR == CblasRowMajor && FB_NO_TRANS == CblasNoTrans && FB_TRANS == CblasTrans, "constants");
      _Static_assert(sizeof(CBLAS_TRANSPOSE) == sizeof(int), "constants are passed as int");
      void (*product)(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, float, const float *, blasint,
                      const float *, blasint, float, float *, blasint) = (void *)0;
      _Static_assert(__builtin_types_compatible_p(__typeof__(&cblas_sgemm),
        void (*)(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, float, const float *, blasint,
                 const float *, blasint, float, float *, blasint)), "cblas_sgemm");
      _Static_assert(__builtin_types_compatible_p(__typeof__(&openblas_set_num_threads), void (*)(int)), "threads");
      _Static_assert(__builtin_types_compatible_p(__typeof__(&openblas_get_config), char *(*)(void)), "config");
      _Static_assert(__builtin_types_compatible_p(__typeof__(&openblas_get_parallel), int (*)(void)), "parallel");
      int main(void) { return product != (void *)0; }
      """
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("cblas-\(UUID().uuidString)")
      .path
    defer { for name in [file, file + ".c"] { try? FileManager.default.removeItem(atPath: name) } }
    try program.write(toFile: file + ".c", atomically: true, encoding: .utf8)
    let compiled = try run(cCompiler!, ["-o", file, file + ".c"])
    #expect(compiled.status == 0, "\(compiled.errors)")
  }
}
