/// What ranks add up in a step besides gradients, as one message of doubles.
final class StepSums {
  /// Of a lane in a strict run, of all samples in a fast one.
  struct Part {
    var loss = 0.0
    var weight = 0.0
    var right = 0.0
    var counted = 0.0
    static let fields = 4
  }

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
  let parts: UnsafeMutableBufferPointer<Part>
  private let requestsPlace: UnsafeMutablePointer<Requests>
  /// Seconds that each rank took from the reduction before to this one.
  let seconds: UnsafeMutableBufferPointer<Double>

  /// - parts: how many of them.
  init(parts count: Int, ranks: Int) {
    all = .allocate(capacity: count * Part.fields + Requests.fields + ranks)
    all.initialize(repeating: 0)
    let start = UnsafeMutableRawPointer(all.baseAddress!)
    // Doubles one after the other, seen under their names.
    parts = UnsafeMutableBufferPointer(start: start.assumingMemoryBound(to: Part.self), count: count)
    requestsPlace = (start + count * MemoryLayout<Part>.size).assumingMemoryBound(to: Requests.self)
    seconds = UnsafeMutableBufferPointer(rebasing: all[(count * Part.fields + Requests.fields)...])
  }

  deinit { all.deallocate() }

  var requests: Requests {
    get { requestsPlace.pointee }
    set { requestsPlace.pointee = newValue }
  }

  /// Of all samples, once it is reduced.
  var total: Part { parts[0] }

  func reset() { all.update(repeating: 0) }
}
