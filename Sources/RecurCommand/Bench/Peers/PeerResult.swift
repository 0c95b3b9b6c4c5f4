/// What another library took for a case, measured in turns with the program's own steps.
struct PeerResult: Encodable {
  /// Of the peer's milliseconds and the program's own.
  struct Ratio: Encodable {
    let median: Double
    /// Of the rounds' own medians, the least and the greatest.
    let least, greatest: Double
  }
  /// Its name and version.
  let library: String
  let milliseconds: StepMilliseconds
  /// How many times as long as the program's own step.
  let ratio: Ratio

  /// - own, peers: milliseconds by round.
  init(_ library: String, own: [[Double]], peers: [[Double]]) {
    self.library = library
    milliseconds = StepMilliseconds(Array(peers.joined()))
    let rounds = zip(peers, own).map { StepMilliseconds($0).median / StepMilliseconds($1).median }
    ratio = Ratio(
      median: milliseconds.median / StepMilliseconds(Array(own.joined())).median, least: rounds.min()!,
      greatest: rounds.max()!)
  }

  var line: String {
    "  " + library.rightPadded(to: 28)
      + [
        (Formatting.fixed(milliseconds.median, 4), 13), (Formatting.fixed(milliseconds.min, 4), 13),
        ("\(Formatting.fixed(ratio.median, 2)) × as long", 22),
      ].map { $0.leftPadded(to: $1) }.joined()
      + " (\(Formatting.fixed(ratio.least, 2)) to \(Formatting.fixed(ratio.greatest, 2)))"
  }
}

/// Of steps that were timed.
struct StepMilliseconds: Encodable {
  let min, p25, median, p90: Double

  /// - times: one at least.
  init(_ times: [Double]) {
    let sorted = times.sorted()
    func share(_ part: Double) -> Double {
      sorted[Swift.min(sorted.count - 1, Int(part * Double(sorted.count)))]
    }
    (min, p25, median, p90) = (sorted[0], share(0.25), share(0.5), share(0.9))
  }
}
