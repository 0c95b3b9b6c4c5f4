/// What ranks add up at the end of a round besides their ways, as one message of doubles.
struct RoundSums {
  /// Of one rank since the round began, then of all.
  struct Counts {
    var losses = LossSums()
    /// How many ranks ask for an end, or for a checkpoint.
    var stop = 0.0
    var save = 0.0
    /// Ranks that took a step.
    var moved = 0.0
    /// Steps that ranks did not take.
    var notFinite = 0.0
    var weightless = 0.0
    fileprivate static let fields = LossSums.fields + 5
  }

  let all: UnsafeMutableBufferPointer<Double>
  /// Seconds that each rank took for the round.
  let seconds: UnsafeMutableBufferPointer<Double>

  init(ranks: Int) {
    all = .allocate(capacity: Counts.fields + ranks)
    all.initialize(repeating: 0)
    seconds = UnsafeMutableBufferPointer(rebasing: all[Counts.fields...])
  }

  var counts: Counts {
    get { place.pointee }
    nonmutating set { place.pointee = newValue }
  }

  /// Doubles one after the other, seen under their names.
  private var place: UnsafeMutablePointer<Counts> {
    UnsafeMutableRawPointer(all.baseAddress!).assumingMemoryBound(to: Counts.self)
  }

  func reset() { all.update(repeating: 0) }
  func deallocate() { all.deallocate() }
}
