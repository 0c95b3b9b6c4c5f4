import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension HealthCheck {
  /// Writes a file as large as a small checkpoint to the current folder, makes it durable, and removes it.
  static var disk: HealthCheck {
    let size = 4 * 1_048_576
    guard let seconds = durableWrite(size) else {
      let reason = String(cString: strerror(errno))
      return HealthCheck(
        name: "disk", status: .fail, detail: "can't write to the current folder: \(reason)",
        advice: "go to a folder that can be written to, or give --out")
    }
    let small = (0..<5).compactMap { _ in durableWrite(1) }.sorted()
    let latency = small.isEmpty ? seconds : small[small.count / 2]
    let slow = latency > 0.25
    return HealthCheck(
      name: "disk", status: slow ? .warn : .ok,
      detail: "\(Formatting.bytes(Double(size) / seconds))/s durable, fsync of a small file "
        + "\(Formatting.short(latency * 1e3)) ms",
      advice: slow ? "slow fsync: checkpoint less often, or use a local disk" : nil,
      values: ["write_bytes_per_second": Double(size) / seconds, "fsync_milliseconds": latency * 1e3])
  }

  /// Seconds to write and fsync `size` bytes; nil with errno set where that fails.
  private static func durableWrite(_ size: Int) -> Double? {
    let bytes = [UInt8](repeating: 0x5a, count: size)
    let clock = ContinuousClock()
    let start = clock.now
    guard let (name, file) = try? PrivateFile.make(in: ".") else { return nil }
    var written = 0
    var failed = false
    while written < size && !failed {
      let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + written, size - written) }
      if count > 0 { written += count } else { failed = errno != EINTR }
    }
    failed = failed || fsync(file) != 0
    let reason = errno
    let elapsed = clock.now - start
    close(file)
    PrivateFile.remove(name)
    errno = reason
    return failed ? nil : elapsed / .seconds(1)
  }
}
