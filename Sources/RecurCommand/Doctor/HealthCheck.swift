/// One thing the doctor looked at.
struct HealthCheck: Encodable {
  enum Grade: String, Encodable, Comparable {
    case ok, warn, fail

    /// A word of four letters, so that the lines align.
    var mark: String { self == .ok ? "ok  " : rawValue }
    private var severity: Int { self == .ok ? 0 : self == .warn ? 1 : 2 }
    static func < (a: Grade, b: Grade) -> Bool { a.severity < b.severity }
  }

  let name: String
  let status: Grade
  /// What was found.
  let detail: String
  /// What to do about it.
  var advice: String?
  /// The numbers in `detail`, for programs.
  var values: [String: Double] = [:]

  static var all: [HealthCheck] {
    [processor, kernels, blas, cores, memory, mpi, gnuplot] + gpu + [disk]
  }
}
