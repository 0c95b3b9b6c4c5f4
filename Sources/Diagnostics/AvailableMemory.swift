#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What memory this process may still have.
package enum AvailableMemory {
  /// An amount, and what sets it.
  package struct Limit: Equatable, Sendable {
    package var bytes: Double
    package var name: String
  }

  /// Refuses what can't be had before any of it is taken: the system would end the process, or another one.
  /// - bytes: no more than what will be used for certain.
  /// - what: "the 1,234 parameters of the model". fix: which key to make smaller.
  package static func require(_ bytes: Double, for what: String, fix: String) throws(Failure) {
    if let least = limits().min(by: { $0.bytes < $1.bytes }) {
      try require(bytes, least, for: what, fix: fix)
    }
    // What else may stand in the way: limits of other kinds, a machine that promises no more than it has.
    guard bytes < 0x1p46, !canMap(max(1, Int(bytes))) else { return }
    throw Failure(
      .unavailable, "\(what) \(inWords(bytes)) of memory, and the system does not give it; \(fix)")
  }

  static func require(
    _ bytes: Double, _ limit: Limit, for what: String, fix: String
  ) throws(Failure) {
    guard bytes > limit.bytes else { return }
    throw Failure(
      .unavailable,
      "\(what) \(inWords(bytes)) of memory, and this process may have \(inWords(limit.bytes)) (\(limit.name)); \(fix)"
    )
  }

  private static func canMap(_ count: Int) -> Bool {
    let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return memory != MAP_FAILED && munmap(memory!, count) == 0
  }

  /// Those that could be found out.
  private static func limits() -> [Limit] {
    var limits: [Limit] = []
    let pages = numbers(in: "/proc/self/statm").map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
    var limit = rlimit()
    if getrlimit(addressSpace, &limit) == 0, limit.rlim_cur < UInt(Int.max) {
      limits.append(Limit(bytes: max(0, Double(limit.rlim_cur) - (pages.first ?? 0)), name: "ulimit -v"))
    }
    if let bytes = ControlGroups.own.memoryLeft {
      limits.append(Limit(bytes: bytes, name: "what the container's limit leaves"))
    }
    let machine = text(of: "/proc/meminfo").split(separator: "\n")
    let free = ["MemAvailable:", "SwapFree:"].map { key in
      machine.first { $0.utf8.starts(with: key.utf8) }?.split(separator: " ").dropFirst().first
        .flatMap { Double($0) }
    }
    if let memory = free[0] {
      limits.append(Limit(bytes: (memory + (free[1] ?? 0)) * 1024, name: "what this machine has left"))
    }
    return limits
  }

  #if os(Linux) && canImport(Glibc)
    private static let addressSpace = __rlimit_resource_t(RLIMIT_AS.rawValue)
  #else
    private static let addressSpace = RLIMIT_AS
  #endif

  static func numbers(in path: String) -> [Double] {
    text(of: path).split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
  }

  /// The beginning of a small file of the system; nothing where it is not there.
  static func text(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    let count = 4096
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, read(file, buffer.baseAddress, count))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  package static func inWords(_ bytes: Double) -> String {
    var (value, unit) = (bytes / 1024 / 1024, 0)
    let units = ["MiB", "GiB", "TiB", "PiB"]
    while value >= 1000, unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    let tenths = (value * 10).rounded() / 10
    return (value < 10 ? "\(tenths)" : "\(Int(value.rounded()))") + " " + units[unit]
  }
}
