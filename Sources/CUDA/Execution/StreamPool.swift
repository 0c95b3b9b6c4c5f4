import CCUDA
import Diagnostics

/// Streams: lists that need nothing from one another run side by side, each on a lane of its own.
final class StreamPool {
  private let driver: Driver
  private var streams: [UnsafeMutableRawPointer] = []
  private var events: [UnsafeMutableRawPointer] = []
  private var free: [Int] = []

  /// Lanes beyond the main one. Where all are taken, a list runs after another.
  private static let others = 7

  init(_ driver: Driver) throws(Failure) {
    self.driver = driver
    let (nonBlocking, withoutTiming): (UInt32, UInt32) = (1, 2)
    for _ in 0...Self.others {
      var (stream, event): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (nil, nil)
      try driver.check(driver.functions.cuStreamCreate(&stream, nonBlocking), "making a stream")
      try driver.check(driver.functions.cuEventCreate(&event, withoutTiming), "making an event")
      streams.append(stream!)
      events.append(event!)
    }
    free = Array((1...Self.others).reversed())
  }

  deinit {
    for event in events { _ = driver.functions.cuEventDestroy_v2(event) }
    for stream in streams { _ = driver.functions.cuStreamDestroy_v2(stream) }
  }

  /// The lane everything starts on and returns to.
  var main: UnsafeMutableRawPointer { streams[0] }
  subscript(lane: Int) -> UnsafeMutableRawPointer { streams[lane] }
  static var count: Int { others + 1 }

  /// Issues the first branch on `lane` itself and each other one on a free lane; `lane` goes on when all are done.
  func fork<Branch>(
    _ branches: [Branch], from lane: Int, _ issue: (Branch, Int) throws(Failure) -> Void
  ) throws(Failure) {
    var taken: [Int] = []
    var left = branches[...]
    let first = left.popFirst()
    while let other = free.last, let branch = left.popFirst() {
      free.removeLast()
      taken.append(other)
      // The event is recorded anew each time: what was issued in between, a branch further down may have recorded.
      try record(lane)
      try wait(other, for: lane)
      try issue(branch, other)
      try record(other)
    }
    if let first { try issue(first, lane) }
    for branch in left { try issue(branch, lane) }
    for other in taken { try wait(lane, for: other) }
    free += taken.reversed()
  }

  private func record(_ lane: Int) throws(Failure) {
    try driver.check(
      driver.functions.cuEventRecord(events[lane], streams[lane]), "marking a place in a stream")
  }

  private func wait(_ lane: Int, for other: Int) throws(Failure) {
    try driver.check(
      driver.functions.cuStreamWaitEvent(streams[lane], events[other], 0), "joining two streams")
  }
}
