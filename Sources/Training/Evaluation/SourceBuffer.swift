import Dataset
import Recurrent

/// Memory for the sources of a batch of pairs, in order of their own length.
final class SourceBuffer {
  private let set: any PairedSet
  private let tokens: UnsafeMutablePointer<Int32>
  private let numbers: UnsafeMutablePointer<Int32>
  private let lengths: UnsafeMutablePointer<Int32>
  private let places: UnsafeMutablePointer<Int32>
  /// Sources of each length, then where the next one goes.
  private let slots: UnsafeMutableBufferPointer<Int32>

  init(_ set: any PairedSet, capacity: Int) {
    self.set = set
    let steps = set.shape.sourceSteps ?? 0
    tokens = .allocate(capacity: capacity * steps)
    numbers = .allocate(capacity: capacity)
    lengths = .allocate(capacity: capacity)
    places = .allocate(capacity: capacity)
    slots = .allocate(capacity: steps + 1)
  }

  deinit {
    tokens.deallocate()
    numbers.deallocate()
    lengths.deallocate()
    places.deallocate()
    slots.deallocate()
  }

  /// - targets: the samples as their targets lie, longest first.
  func gather(_ targets: UnsafeBufferPointer<Int32>) {
    slots.update(repeating: 0)
    for sample in targets { slots[set.sourceLength(of: Int(sample))] += 1 }
    var next: Int32 = 0
    for length in slots.indices.reversed() {
      (slots[length], next) = (next, next + slots[length])
    }
    for (target, sample) in targets.enumerated() {
      let length = set.sourceLength(of: Int(sample))
      let row = Int(slots[length])
      slots[length] += 1
      (numbers[row], lengths[row], places[target]) = (sample, Int32(length), Int32(row))
    }
    set.gatherSources(UnsafeBufferPointer(start: numbers, count: targets.count), into: tokens)
  }

  var source: Model.Source {
    Model.Source(tokens: tokens, samples: numbers, lengths: lengths, places: places)
  }
}
