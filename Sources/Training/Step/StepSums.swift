/// What ranks add up in a step besides gradients, as one message of doubles.
final class StepSums {
  /// How many ranks ask for something.
  struct Requests {
    var stop = 0.0
    var save = 0.0
    /// Of the slice of gradients that each rank has, where each has one.
    var squares = 0.0
    fileprivate static let fields = 3
  }

  /// All of it.
  let all: UnsafeMutableBufferPointer<Double>
  /// Of each lane in a strict run, of all samples in a fast one.
  let parts: UnsafeMutableBufferPointer<LossSums>
  private let requestsPlace: UnsafeMutablePointer<Requests>
  /// Seconds that each rank took from the reduction before to this one.
  let seconds: UnsafeMutableBufferPointer<Double>

  /// - parts: how many of them.
  init(parts count: Int, ranks: Int) {
    all = .allocate(capacity: count * LossSums.fields + Requests.fields + ranks)
    all.initialize(repeating: 0)
    let start = UnsafeMutableRawPointer(all.baseAddress!)
    // Doubles one after the other, seen under their names.
    parts = UnsafeMutableBufferPointer(start: start.assumingMemoryBound(to: LossSums.self), count: count)
    requestsPlace = (start + count * MemoryLayout<LossSums>.size).assumingMemoryBound(to: Requests.self)
    seconds = UnsafeMutableBufferPointer(rebasing: all[(count * LossSums.fields + Requests.fields)...])
  }

  deinit { all.deallocate() }

  var requests: Requests {
    get { requestsPlace.pointee }
    set { requestsPlace.pointee = newValue }
  }

  /// Of all samples, once it is reduced.
  var total: LossSums { parts[0] }

  func reset() { all.update(repeating: 0) }
}
