import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the threads of a `Threaded` group wait for each other. When one of them fails, all waits end with an error.
final class Meeting: @unchecked Sendable {
  let size: Int
  // Written by each rank for itself before `arrive`, read by all after it.
  private(set) var buffers: [UnsafeMutableRawBufferPointer]
  private(set) var parts: [[Range<Int>]]

  private let lock = ConditionLock()
  private var arrived = 0
  private var round = 0
  private var firstFailure: (any Error)?
  /// Broadcasts that were started, by their number, with how many ranks have yet to take them.
  private var posts: [Int: (bytes: [UInt8], left: Int)] = [:]
  private var children: [Meeting] = []

  init(size: Int) {
    self.size = size
    buffers = Array(repeating: .init(start: nil, count: 0), count: size)
    parts = Array(repeating: [], count: size)
  }

  /// Puts a rank's buffer where all can see it and waits for the others to do the same.
  func show(_ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>], from rank: Int) throws {
    try lock.locked {
      buffers[rank] = bytes
      self.parts[rank] = parts
      try arriveLocked()
    }
  }

  /// Waits until every rank has arrived.
  func arrive() throws { try lock.locked { try arriveLocked() } }

  /// Ends every wait, now and later, with an error; those of its parts too.
  func fail(_ error: any Error) {
    let children = lock.locked {
      if firstFailure == nil { firstFailure = error }
      lock.notifyAll()
      return self.children
    }
    for child in children { child.fail(error) }
  }

  /// A meeting of some of its ranks.
  func part(size: Int) -> Meeting {
    let child = Meeting(size: size)
    lock.locked { children.append(child) }
    return child
  }

  /// Leaves the bytes of a broadcast for the other ranks.
  func post(_ number: Int, _ bytes: [UInt8]) {
    lock.locked {
      posts[number] = (bytes, size - 1)
      lock.notifyAll()
    }
  }

  /// Fetches the bytes of a broadcast, where they are there or are waited for.
  func take(_ number: Int, waiting: Bool, into target: UnsafeMutableRawBufferPointer) throws -> Bool {
    try lock.locked {
      try checkPeers()
      while waiting, posts[number] == nil {
        lock.wait()
        try checkPeers()
      }
      guard let post = posts[number] else { return false }
      precondition(post.bytes.count == target.count, "broadcast: ranks gave buffers of different sizes")
      target.copyBytes(from: post.bytes)
      posts[number] = post.left == 1 ? nil : (post.bytes, post.left - 1)
      return true
    }
  }

  /// The error that came first.
  var failure: (any Error)? { lock.locked { firstFailure } }

  private func arriveLocked() throws {
    try checkPeers()
    arrived += 1
    let mine = round
    if arrived == size {
      arrived = 0
      round += 1
      lock.notifyAll()
    }
    while round == mine {
      try checkPeers()
      lock.wait()
    }
  }

  private func checkPeers() throws {
    if firstFailure != nil { throw Failure(.retry, "another rank of this group has failed") }
  }
}

/// A broadcast that this rank is to receive.
final class PendingPost: PendingCall {
  private let meeting: Meeting
  private let number: Int
  private let target: UnsafeMutableRawBufferPointer
  private let mark: (_ entering: Bool) -> Void
  private var isDone = false

  init(
    _ meeting: Meeting, _ number: Int, _ target: UnsafeMutableRawBufferPointer,
    mark: @escaping (_ entering: Bool) -> Void
  ) {
    self.meeting = meeting
    self.number = number
    self.target = target
    self.mark = mark
  }

  func advance() throws -> Bool {
    if !isDone { isDone = try meeting.take(number, waiting: false, into: target) }
    return isDone
  }

  func wait(pausing microseconds: UInt32, _ meanwhile: () throws -> Void) throws {
    mark(true)
    defer { mark(false) }
    while try !advance() {
      pause(microseconds)
      try meanwhile()
    }
  }

  func wait() throws {
    guard !isDone else { return }
    mark(true)
    defer { mark(false) }
    isDone = try meeting.take(number, waiting: true, into: target)
  }
}

extension Threaded {
  /// Runs `body` once per rank, each on its own thread, and returns the results in rank order.
  ///
  /// When a rank throws, the others' waits end as well and the first error is thrown here.
  package static func withRanks<Result: Sendable>(
    _ size: Int, _ body: @escaping @Sendable (Threaded) throws -> Result
  ) throws -> [Result] {
    precondition(size > 0, "a group needs at least one rank")
    let meeting = Meeting(size: size)
    let results = Results<Result>(count: size)
    let threads = try (0..<size).map { rank in
      try startThread {
        do { results.values[rank] = try body(Threaded(rank: rank, meeting: meeting)) } catch {
          meeting.fail(error)
        }
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    if let failure = meeting.failure { throw failure }
    return (0..<size).map { results.values[$0]! }
  }

  /// One place per rank; each thread writes its own.
  private final class Results<Value>: @unchecked Sendable {
    let values: UnsafeMutableBufferPointer<Value?>
    init(count: Int) {
      values = .allocate(capacity: count)
      values.initialize(repeating: nil)
    }
    deinit {
      values.deinitialize()
      values.deallocate()
    }
  }
}

func pause(_ microseconds: UInt32) { usleep(microseconds) }
