import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What an input may take of this machine's memory.
package enum Memory {
  /// Bytes of the machine, or of the container where that has fewer.
  package static let most: Int = {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    return min(machine, ControlGroups.own.memoryLimit.map { Int($0) } ?? machine)
  }()

  /// Throws where the system would not give so much. An array that can't have its memory ends the program.
  static func require(_ count: Int, _ name: String) throws(Failure) {
    guard count > 1 << 20 else { return }
    try AvailableMemory.require(
      Double(count + InputFile.padding), for: "\(name) needs", fix: "give it in smaller parts")
  }

  static func failure(_ name: String, _ what: String, _ limit: Int) -> Failure {
    let whose = limit == most ? "this machine's memory" : "the \(limit) it may have"
    return .badData("\(name): \(what) are more than \(whose)")
  }
}

/// Bytes that come piece by piece, whose number nobody knows before.
struct GrowingBytes {
  private(set) var bytes: [UInt8] = []
  private let name: String
  private let limit: Int
  private var piece = [UInt8](repeating: 0, count: 1 << 16)

  init(_ name: String, limit: Int) { (self.name, self.limit) = (name, limit) }

  /// Appends what `read` writes; it is told how many bytes there are already.
  /// - Returns: false where it gives nothing more.
  mutating func append(
    _ read: (_ room: UnsafeMutableRawBufferPointer, _ count: Int) throws(Failure) -> Int
  ) throws(Failure) -> Bool {
    let held = bytes.count
    let count = try piece.withUnsafeMutableBufferPointer { (piece) throws(Failure) in
      try read(UnsafeMutableRawBufferPointer(piece), held)
    }
    if count == 0 { return false }
    guard held + count <= limit else { throw Memory.failure(name, "its bytes", limit) }
    if held + count > bytes.capacity {
      try Memory.require(2 * bytes.capacity + piece.count, name)
      bytes.reserveCapacity(max(2 * bytes.capacity, piece.count))
    }
    bytes += piece[..<count]
    return true
  }
}
