import Diagnostics

/// Elements in an array of this process, or in memory shared with others, which nobody changes any more.
package enum Elements<Element: BitwiseCopyable & Sendable>: Sendable {
  case own([Element])
  case shared(SharedMemory)

  package var count: Int {
    switch self {
    case .own(let array): array.count
    case .shared(let memory): memory.size / MemoryLayout<Element>.stride
    }
  }

  @inline(__always)
  func withUnsafeBufferPointer<R>(_ body: (UnsafeBufferPointer<Element>) -> R) -> R {
    switch self {
    case .own(let array): array.withUnsafeBufferPointer(body)
    case .shared(let memory):
      withExtendedLifetime(memory) {
        body(UnsafeBufferPointer(start: memory.base.assumingMemoryBound(to: Element.self), count: count))
      }
    }
  }

  /// One array of the machine in place of one in each process: that of the first.
  func once(_ group: LoadingGroup?) throws(Failure) -> Elements {
    guard let group else { return self }
    return try Self.once(self, count: count, group)
  }

  /// - elements: needed from the first process only.
  static func once(_ elements: Elements?, count: Int, _ group: LoadingGroup) throws(Failure) -> Elements {
    let memory = try group.memory(size: count * MemoryLayout<Element>.stride)
    _ = try group.share {
      if group.index == 0, count > 0 {
        elements!.withUnsafeBufferPointer {
          memory.base.copyMemory(from: $0.baseAddress!, byteCount: memory.size)
        }
      }
      return []
    }
    return .shared(memory)
  }
}
