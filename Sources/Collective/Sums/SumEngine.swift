import CMPI
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What adds the gradients of a fast run.
package enum SumEngine: String, CaseIterable, Codable, Sendable {
  /// Memory that ranks of a machine share, and messages between machines.
  case own
  // MPI's collectives, which add in an order of the library's.
  case allReduce = "MPI_Allreduce"
  case nonblocking = "MPI_Iallreduce"
  case scattered = "MPI_Reduce_scatter_block"

  /// Those of MPI.
  package static let library: [SumEngine] = [.allReduce, .nonblocking, .scattered]

  /// For a sentence.
  package var words: String {
    switch self {
    case .own: "own sums"
    case .allReduce, .nonblocking: rawValue
    case .scattered: "MPI_Reduce_scatter_block and MPI_Allgather"
    }
  }
}

/// Who may add the gradients of a fast run.
package enum SumMode: String, CaseIterable, Sendable {
  case own
  /// The fastest of MPI's collectives, also where own sums are faster.
  case mpi
  /// A collective of MPI where it was measured to be plainly faster.
  case auto

  /// What `RECUR_SUMS` says; `auto` where it is not set.
  package static func fromEnvironment() throws(Failure) -> SumMode {
    guard let value = getenv("RECUR_SUMS") else { return .auto }
    let name = String(cString: value)
    guard let mode = SumMode(rawValue: name) else {
      throw .usage("RECUR_SUMS=\(name) is not understood; give own, mpi or auto")
    }
    return mode
  }
}

extension MPI {
  package func addGradients(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    by engine: SumEngine
  ) throws {
    guard size > 1 else { return }
    guard engine != .own, let base = values.baseAddress, values.count > 0 else {
      return try addGradients(values, sums)
    }
    if engine == .scattered { return try addScattered(values, sums) }
    try entering(.allReduce) {
      try pieces(values.count) { piece in
        let start = base + piece.lowerBound
        if engine == .allReduce {
          return try check("MPI_Allreduce", cmpi_all_reduce(group, start, CInt(piece.count)))
        }
        var request = cmpi_request(handle: nil)
        try check("MPI_Iallreduce", cmpi_start_all_reduce(group, start, CInt(piece.count), &request))
        try patience.wait { try isDone(&request) }
      }
    }
    try allReduceSum(sums)
  }

  /// Each rank adds a slice; what does not divide by their number goes with the small sums.
  private func addScattered(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    let share = min(values.count / size, longestMessage / size)
    var start = 0
    if share > 0 {
      let part = UnsafeMutablePointer<Float>.allocate(capacity: share)
      defer { part.deallocate() }
      try entering(.allReduce) {
        while start + share * size <= values.count {
          let base = values.baseAddress! + start
          try check("MPI_Reduce_scatter_block", cmpi_reduce_scatter(group, base, part, CInt(share)))
          try check("MPI_Allgather", cmpi_all_gather(group, part, CInt(4 * share), base))
          start += share * size
        }
      }
    }
    try addGradients(.init(rebasing: values[start...]), sums)
  }

  /// The library's version line, such as "Open MPI v4.1.4, …".
  package var libraryVersion: String { text { cmpi_library_version($0) } }
}
