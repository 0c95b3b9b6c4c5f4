import CCUDA
import Diagnostics

/// Pinned host memory that copies to and from the GPU go through, so that the caller need not wait for them.
final class Staging {
  private let driver: Driver
  private let stream: UnsafeMutableRawPointer
  private let memory: UnsafeMutableRawPointer
  private let capacity = 8 << 20
  /// Bytes that copies under way still read.
  private var used = 0

  init(_ driver: Driver, stream: UnsafeMutableRawPointer) throws(Failure) {
    self.driver = driver
    self.stream = stream
    var memory: UnsafeMutableRawPointer?
    try driver.check(driver.functions.cuMemHostAlloc(&memory, capacity, 0), "taking pinned memory")
    self.memory = memory!
  }

  deinit { _ = driver.functions.cuMemFreeHost(memory) }

  func write(_ bytes: UnsafeRawBufferPointer, to address: ccuda_address) throws(Failure) {
    var done = 0
    while done < bytes.count {
      if used == capacity { try wait() }
      let count = min(bytes.count - done, capacity - used)
      let place = memory + used
      place.copyMemory(from: bytes.baseAddress! + done, byteCount: count)
      try driver.check(
        driver.functions.cuMemcpyHtoDAsync_v2(address + UInt64(done), place, count, stream),
        "copying to the GPU")
      done += count
      used = min((used + count + 255) / 256 * 256, capacity)
    }
  }

  func read(_ address: ccuda_address, into bytes: UnsafeMutableRawBufferPointer) throws(Failure) {
    var done = 0
    try wait()
    while done < bytes.count {
      let count = min(bytes.count - done, capacity)
      try driver.check(
        driver.functions.cuMemcpyDtoHAsync_v2(memory, address + UInt64(done), count, stream),
        "copying from the GPU")
      try wait()
      (bytes.baseAddress! + done).copyMemory(from: memory, byteCount: count)
      done += count
    }
  }

  private func wait() throws(Failure) {
    try driver.check(driver.functions.cuStreamSynchronize(stream), "waiting for the GPU")
    used = 0
  }
}
