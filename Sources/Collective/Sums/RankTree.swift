/// The order in which values of all ranks are added, whatever way they travel: ranks beyond a power of two are added to their
/// left neighbours first, then neighbours, pairs of neighbours and so on. So a sum's bits depend on the number of ranks alone.
///
/// Used from one thread at a time; nothing is allocated after `init`.
package final class RankTree {
  package let size: Int
  /// How many pairs are added first.
  let pairs: Int
  /// How many are left then, a power of two.
  let left: Int
  private let scratch: UnsafeMutableRawBufferPointer
  /// Values of one rank that are added at a time.
  private static let block = 1024

  /// - adds: whether it is to add, and not only to say in which order.
  package init(size: Int, adds: Bool = true) {
    self.size = size
    var left = 1
    while 2 * left <= size { left *= 2 }
    self.left = left
    pairs = size - left
    scratch = .allocate(byteCount: adds && size > 2 ? size * Self.block * 8 : 0, alignment: 64)
  }

  deinit { scratch.deallocate() }

  /// The place of a rank among those that are left after the first pairs; nil for the right one of a pair.
  func place(of rank: Int) -> Int? {
    if rank >= 2 * pairs { return rank - pairs }
    return rank % 2 == 0 ? rank / 2 : nil
  }

  /// The rank at such a place.
  func rank(at place: Int) -> Int { place < pairs ? 2 * place : place + pairs }

  /// Adds `count` values of each rank. `target` may be one of the parts.
  @inline(__always)
  package func sum<Value: FloatingPoint>(
    _ count: Int, into target: UnsafeMutablePointer<Value>, _ part: (_ rank: Int) -> UnsafePointer<Value>
  ) {
    if size == 1 {
      target.update(from: part(0), count: count)
    } else if size == 2 {
      add(part(0), part(1), count, into: target)
    } else {
      for start in stride(from: 0, to: count, by: Self.block) {
        let length = min(Self.block, count - start)
        (target + start).update(from: sumBlock(length) { part($0) + start }, count: length)
      }
    }
  }

  @inline(__always)
  private func row<Value>(_ rank: Int) -> UnsafeMutablePointer<Value> {
    (scratch.baseAddress! + rank * Self.block * 8).assumingMemoryBound(to: Value.self)
  }

  /// Of more than two ranks: what is added first is read where it lies.
  @inline(__always)
  private func sumBlock<Value: FloatingPoint>(
    _ length: Int, _ part: (_ rank: Int) -> UnsafePointer<Value>
  ) -> UnsafeMutablePointer<Value> {
    for pair in 0..<pairs { add(part(2 * pair), part(2 * pair + 1), length, into: row(2 * pair)) }
    func source(_ place: Int) -> UnsafePointer<Value> {
      place < pairs ? UnsafePointer(row(rank(at: place))) : part(rank(at: place))
    }
    for place in stride(from: 0, to: left, by: 2) {
      add(source(place), source(place + 1), length, into: row(rank(at: place)))
    }
    var reach = 2
    while reach < left {
      for place in stride(from: 0, to: left, by: 2 * reach) {
        let target: UnsafeMutablePointer<Value> = row(rank(at: place))
        add(row(rank(at: place + reach)), length, to: target)
      }
      reach *= 2
    }
    return row(0)
  }
}

/// Element by element; `target` may be one of the two.
@inline(__always)
func add<Value: FloatingPoint>(
  _ a: UnsafePointer<Value>, _ b: UnsafePointer<Value>, _ count: Int, into target: UnsafeMutablePointer<Value>
) {
  // A loop over memory that may overlap is compiled to go number by number.
  if UnsafePointer(target) == a {
    add(b, count, to: target)
  } else if UnsafePointer(target) == b {
    add(a, count, to: target)
  } else {
    for i in 0..<count { target[i] = a[i] + b[i] }
  }
}

@inline(__always)
private func add<Value: FloatingPoint>(
  _ values: UnsafePointer<Value>, _ count: Int, to target: UnsafeMutablePointer<Value>
) {
  for i in 0..<count { target[i] += values[i] }
}
