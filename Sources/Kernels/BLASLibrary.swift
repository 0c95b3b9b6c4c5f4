import CBLAS
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A BLAS of this machine that computes rightly.
public final class BLASLibrary: Sendable {
  /// Maker, version and configuration: what the bits of its products depend on beside the processor.
  public let description: String
  /// Where it lies.
  public let file: String
  /// Whether several threads may call it at the same time.
  let servesThreads: Bool
  // Never changed after it was filled.
  private nonisolated(unsafe) let library: UnsafePointer<fb_library>

  /// What a search ended with.
  public enum SearchResult: Sendable {
    case found(BLASLibrary)
    /// Nothing of the names is there: the loader's own words about the first.
    case missing(String)
    /// It is there and must not be used.
    case refused(String)

    public var library: BLASLibrary? {
      if case .found(let library) = self { library } else { nil }
    }
    public var isRefusal: Bool {
      if case .refused = self { true } else { false }
    }
    /// Why there is none.
    public var problem: String? {
      switch self {
      case .found: nil
      case .missing(let reason): "no BLAS is there: \(reason)"
      case .refused(let reason): reason
      }
    }
  }

  private init(_ library: fb_library) {
    let own = UnsafeMutablePointer<fb_library>.allocate(capacity: 1)
    own.initialize(to: library)
    self.library = UnsafePointer(own)
    description = Self.text(own.pointee.description).shown
    file = Self.text(own.pointee.file).shown
    servesThreads = library.several != 0
  }
  deinit { library.deallocate() }

  private static func text<Tuple>(_ bytes: Tuple) -> String {
    withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// Names of libraries to try in this order. `RECUR_BLAS` is openblas (also where it is not set), mkl, blis, or a library's path.
  package static func candidates(_ wish: String?) throws(Failure) -> [String] {
    guard let wish, !wish.isEmpty else { return names[0].files }
    if wish.utf8.contains(UInt8(ascii: "/")) || wish.utf8.contains(UInt8(ascii: ".")) { return [wish] }
    guard let known = names.first(where: { $0.name.hasSameBytes(as: wish) }) else {
      throw .usage(
        "RECUR_BLAS=\(wish) is not understood; give openblas, mkl, blis, or the path of a library")
    }
    return known.files
  }

  private static let names = [
    (name: "openblas", files: ["libopenblas.so.0", "libopenblas64.so.0", "libopenblas.so"]),
    (name: "mkl", files: ["libmkl_rt.so.3", "libmkl_rt.so.2", "libmkl_rt.so.1", "libmkl_rt.so"]),
    (name: "blis", files: ["libblis.so.4", "libblis.so.3", "libblis.so"]),
  ]

  /// Opens the first that is there, and looks whether it computes rightly. Takes some 30 ms.
  package static func open(_ candidates: [String]) -> SearchResult {
    var missing: String?
    for name in candidates {
      var (library, detail) = (fb_library(), [CChar](repeating: 0, count: 512))
      let found = fb_load(name, &library, &detail, detail.count)
      switch found {
      case FB_READY:
        let doubtful = fb_doubt(&library, &detail, detail.count) != 0
        guard doubtful else { return .found(BLASLibrary(library)) }
        return .refused("\(Self.text(library.description).shown) is not used: \(line(detail))")
      case FB_MISSING: if missing == nil { missing = line(detail) }
      case FB_NO_PRODUCT: return .refused("\(name.shown) is not used: it has \(line(detail))")
      default: return .refused("\(name.shown) is not used: it starts \(line(detail))")
      }
    }
    return .missing(missing ?? "nothing to try")
  }

  private static func line(_ detail: [CChar]) -> String {
    String(decoding: detail.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).shown
  }

  /// The one that the environment names, opened once.
  public static func preferred() throws(Failure) -> SearchResult {
    _ = try candidates(wish)
    return found
  }
  private static var wish: String? { getenv("RECUR_BLAS").map { String(cString: $0) } }
  private static let found = (try? candidates(wish)).map(open) ?? .missing("nothing to try")

  /// C `[m, n]` = op(A)·op(B), or added to C; row-major.
  @inline(__always)
  func multiply(
    _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int, transposed: Bool = false,
    _ b: UnsafePointer<Float>, _ ldb: Int, otherTransposed: Bool = false, to c: UnsafeMutablePointer<Float>,
    _ ldc: Int, adding: Bool
  ) {
    fb_multiply(
      library, transposed ? 1 : 0, otherTransposed ? 1 : 0, m, n, k, a, lda, b, ldb, c, ldc, adding ? 1 : 0)
  }
}
