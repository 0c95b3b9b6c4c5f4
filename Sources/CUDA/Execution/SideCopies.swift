import CCUDA
import Diagnostics

/// Copies from the GPU on a stream of their own, beside what runs.
final class SideCopies {
  private let driver: Driver
  private let main: UnsafeMutableRawPointer
  private let stream: UnsafeMutableRawPointer
  /// Of each copy under way: when it may begin, and when it is done.
  private var events: [(ready: UnsafeMutableRawPointer, done: UnsafeMutableRawPointer)] = []
  private var free: [Int] = []

  /// - main: the stream whose work the copies wait for.
  init(_ driver: Driver, main: UnsafeMutableRawPointer) throws(Failure) {
    self.driver = driver
    self.main = main
    var stream: UnsafeMutableRawPointer?
    let nonBlocking: UInt32 = 1
    try driver.check(driver.functions.cuStreamCreate(&stream, nonBlocking), "making a stream")
    self.stream = stream!
  }

  deinit {
    let f = driver.functions
    _ = f.cuStreamSynchronize(stream)
    for (ready, done) in events {
      _ = f.cuEventDestroy_v2(ready)
      _ = f.cuEventDestroy_v2(done)
    }
    _ = f.cuStreamDestroy_v2(stream)
  }

  /// Starts a copy of what is there when all that was given to the main stream has run.
  /// - bytes: pinned memory.
  func start(_ address: ccuda_address, into bytes: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    let f = driver.functions
    if free.isEmpty {
      free.append(events.count)
      events.append((try event(), try event()))
    }
    let copy = free.removeLast()
    let (ready, done) = events[copy]
    try driver.check(f.cuEventRecord(ready, main), "marking a place in a stream")
    try driver.check(f.cuStreamWaitEvent(stream, ready, 0), "joining two streams")
    if let base = bytes.baseAddress, bytes.count > 0 {
      try driver.check(
        f.cuMemcpyDtoHAsync_v2(base, address, bytes.count, stream), "copying from the GPU")
    }
    try driver.check(f.cuEventRecord(done, stream), "marking a place in a stream")
    return copy
  }

  /// Returns when the copy is done. The processor is left to others meanwhile: some thread may be adding up what came before.
  func finish(_ copy: Int) throws(Failure) {
    try driver.check(driver.functions.cuEventSynchronize(events[copy].done), "waiting for the GPU")
    free.append(copy)
  }

  private func event() throws(Failure) -> UnsafeMutableRawPointer {
    var event: UnsafeMutableRawPointer?
    let (blocking, withoutTiming): (UInt32, UInt32) = (1, 2)
    try driver.check(
      driver.functions.cuEventCreate(&event, blocking | withoutTiming), "making an event")
    return event!
  }
}
