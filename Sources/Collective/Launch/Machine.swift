import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process may use of its machine.
package enum Machine {
  /// The cores this process may keep busy: those of its affinity mask, two hyper-threads counted as one, and no more than a
  /// container's quota.
  package static func usableCores() -> Int {
    let processors = allowedProcessors()
    let cores = Set(
      processors.map {
        firstLine("/sys/devices/system/cpu/cpu\($0)/topology/thread_siblings_list") ?? "\($0)"
      })
    return max(1, min(cores.count, quota() ?? cores.count))
  }

  /// The processors of the machine that are switched on.
  package static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// The numbers of the processors in this process's affinity mask.
  package static func allowedProcessors() -> [Int] {
    let all = Array(0..<processors)
    // "Cpus_allowed_list:\t0-3,8"
    guard let line = lines("/proc/self/status").first(where: { $0.hasPrefix("Cpus_allowed_list:") }) else {
      return all
    }
    return line.split(separator: "\t").last.map { list($0) } ?? all
  }

  /// Numbers written as "0-3,8".
  package static func list(_ text: some StringProtocol) -> [Int] {
    text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return [] }
      return Array(first...last)
    }
  }

  /// Whole processors that control groups leave; nil without a quota.
  package static func quota() -> Int? { ControlGroups.own.processors.map { max(1, Int(min($0, 0x1p30))) } }

  private static func firstLine(_ path: String) -> String? { lines(path).first }

  /// The lines of a small file of the system; none where it can't be read or is far too large.
  package static func lines(_ path: String) -> [String] {
    (try? InputFile.lines(of: path, key: "the system", limit: 1 << 24)) ?? []
  }
}

extension Machine {
  /// The file of the program that is running, or that another process runs.
  package static func executablePath(of process: pid_t? = nil) -> String? {
    var buffer = [CChar](repeating: 0, count: 4097)
    let link = "/proc/\(process.map { "\($0)" } ?? "self")/exe"
    guard readlink(link, &buffer, 4096) > 0 else { return nil }
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// The process that started another; nil where it can't be seen.
  static func parent(of process: pid_t) -> pid_t? {
    // "PPid:\t1234"
    lines("/proc/\(process)/status").first { $0.hasPrefix("PPid:") }?
      .split(separator: "\t").last.flatMap { pid_t($0) }
  }

  /// Whether a name of a hostfile means this machine.
  static func isThis(_ host: String) -> Bool {
    let name = host.utf8.split(separator: UInt8(ascii: "@")).last.map { Array($0) } ?? []
    if let address = IPAddress(name) {
      return address.isLoopback || LocalAddress.ofMachine().contains { $0.address == address }
    }
    return [localHostName(), "localhost"].contains { name == Array($0.utf8) }
  }
}
