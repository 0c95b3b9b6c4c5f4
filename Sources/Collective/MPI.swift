import CMPI
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The processes one launcher started, joined by its MPI. There is one such group in a process; calls must not overlap.
///
/// Every return code is checked: an error names the call, the rank and MPI's own text. MPI is finalized when the process
/// exits with status 0; after any other status it is not, and the launcher ends the remaining ranks.
package final class MPI: Communicator {
  package let rank: Int
  package let size: Int
  package let hostName: String
  package let localRank: Int
  package let localSize: Int
  package var progress: RankProgress?
  let group: cmpi_group
  /// This group's number in `progress`, and this rank's name among all ranks.
  private let groupNumber: Int
  private let worldPlace: String
  /// The largest count handed to one MPI call, in elements. Tests make it small.
  package var longestMessage = 1 << 30
  /// Whether ranks of one machine add up in memory that they share. Tests switch it off, on all ranks alike.
  package var sharesMemory = true
  /// Of each rank the first of its machine, as tests would have it before the first sum; nil for the machines there are.
  package var pretendedMachines: [Int]? { didSet { sums = nil } }
  let patience: Patience
  package var leavesProcessor: Bool {
    get { patience.leavesProcessor.load(ordering: .relaxed) }
    set { patience.leavesProcessor.store(newValue, ordering: .relaxed) }
  }
  /// The first rank of this rank's machine.
  let firstLocalRank: Int
  /// What adds, made when it is first needed.
  var sums: Sums?

  /// Loads and initialises the MPI of the launcher that started this process, or the first that is found.
  /// Throws where there is none that can be used, or where it can't start.
  package convenience init() throws {
    let environment = processEnvironment()
    let interfaces = try Launcher.detect(environment)?.interfaces ?? []
    try self.init(
      MPILibrary.candidates(for: interfaces.isEmpty ? MPIInterface.allCases : interfaces, environment))
  }

  /// - libraries: what to try in this order, files or names.
  convenience init(_ libraries: [String]) throws {
    let version = try MPILibrary.load(libraries).version
    var granted: CInt = 0
    var doubt: UnsafePointer<CChar>?
    var group = cmpi_group(handle: nil)
    try Collective.check("MPI_Init_thread", cmpi_start(&granted, &doubt, &group))
    if let doubt {
      throw Failure(
        .unavailable,
        "the MPI library found is not what it says, \(version): \(String(cString: doubt)); name the right one in RECUR_MPI"
      )
    }
    guard granted != 0 else {
      throw Failure(
        .unavailable,
        "\(version) was built without thread support (MPI_THREAD_SERIALIZED); install one built with it")
    }
    try self.init(group, groupNumber: 0, worldPlace: nil)
  }

  private init(_ group: cmpi_group, groupNumber: Int, worldPlace: String?) throws {
    self.group = group
    self.groupNumber = groupNumber
    rank = try value("MPI_Comm_rank") { cmpi_rank(group, $0) }
    size = try value("MPI_Comm_size") { cmpi_size(group, $0) }
    var local: (rank: CInt, size: CInt, first: CInt) = (0, 0, 0)
    try Collective.check("MPI_Comm_split_type", cmpi_local(group, &local.rank, &local.size, &local.first))
    (localRank, localSize, firstLocalRank) = (Int(local.rank), Int(local.size), Int(local.first))
    patience = Patience(localSize: localSize)
    hostName = text { _ = cmpi_processor_name($0) }
    self.worldPlace = worldPlace ?? "rank \(rank) of \(size) on \(hostName)"
  }

  package func part(_ members: Range<Int>) throws -> (any Communicator)? {
    // Ranks wait for each other here, and those of the part once more, to see who shares a machine: all of it is one call.
    try entering(.split) {
      var part = cmpi_group(handle: nil)
      try check("MPI_Comm_split", cmpi_part(group, members.contains(rank) ? 1 : 0, &part))
      let number = progress?.addGroup(members) ?? 0
      guard part.handle != nil else { return nil }
      let result = try MPI(part, groupNumber: number, worldPlace: worldPlace)
      result.progress = progress
      result.sharesMemory = sharesMemory
      return result
    }
  }

  /// The library's version line, such as "Open MPI v4.1.4, …".
}

extension MPI {
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try entering(.broadcast) {
      try pieces(bytes.count) { piece in
        try check(
          "MPI_Bcast",
          cmpi_broadcast(group, bytes.baseAddress! + piece.lowerBound, CInt(piece.count), CInt(root)))
      }
    }
  }

  package func barrier() throws { try entering(.barrier) { try check("MPI_Barrier", cmpi_barrier(group)) } }

  package func finish() throws { try entering(.barrier) { try check("MPI_Finalize", cmpi_finish()) } }

  /// Says why on one line of standard error and ends all ranks. Where MPI can't end them, this process still ends.
  package func abort(reason: String, code: Int32) -> Never {
    writeLine("recur: \(worldPlace): \(reason)")
    RankLife.ends(code)
    alarm(10)
    cmpi_abort(code)
    _exit(code)
  }

  /// Tells the watchdog that this rank waits for the others.
  func entering<Result>(_ call: RankProgress.CollectiveCall, _ body: () throws -> Result) rethrows -> Result {
    progress?.enter(call, group: groupNumber)
    defer { progress?.leave(group: groupNumber) }
    return try body()
  }

  /// Calls `body` with consecutive ranges that each fit MPI's 32-bit counts.
  func pieces(_ count: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    var start = 0
    while start < count {
      let end = min(start + longestMessage, count)
      try body(start..<end)
      start = end
    }
  }

  func check(_ call: String, _ code: CInt) throws { try Collective.check(call, code, place: worldPlace) }
}

private func check(_ call: String, _ code: CInt, place: String = "this rank") throws {
  guard code != 0 else { return }
  throw Failure(.retry, "\(call) failed on \(place): \(text { cmpi_error_text(code, $0) })")
}

private func value(_ call: String, _ body: (UnsafeMutablePointer<CInt>) -> CInt) throws -> Int {
  var result: CInt = 0
  try check(call, body(&result))
  return Int(result)
}

/// The first line of a text that C wrote.
func text(_ body: (UnsafeMutablePointer<CChar>) -> Void) -> String {
  var buffer = [CChar](repeating: 0, count: Int(CMPI_TEXT) + 1)
  return buffer.withUnsafeMutableBufferPointer {
    body($0.baseAddress!)
    return String(cString: $0.baseAddress!).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
  }
}
