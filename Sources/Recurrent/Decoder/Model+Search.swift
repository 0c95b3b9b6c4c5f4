import Batches

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Model {
  /// The targets an encoder-decoder finds for sources, by beam search; with a beam of 1 the likeliest token at each step.
  ///
  /// Hypotheses are compared by the sum of their tokens' log probabilities, complete ones by its mean over their tokens, the end
  /// included. The search of a source ends once `beam` hypotheses are complete.
  /// - source: the sources, a batch of tokens.
  /// - end: the token that begins and ends a target.
  /// - limit: the most tokens of a target for a source of this length.
  /// - Returns: for each source, in the order they lie in, the target's tokens without begin and end.
  public func search(
    _ source: Batch, end: Int32, beam: Int, limit: (_ sourceLength: Int) -> Int
  ) -> [[Int32]] {
    guard let decoder else { preconditionFailure("this network has no decoder") }
    precondition(beam > 0)
    let (encoded, batch) = (encode(source, .evaluation), source.count)
    // Row by row the first hypothesis of each source; the others of its streams are empty.
    let sourceRows = (0..<Int32(batch * beam)).map { $0 / Int32(beam) }
    sourceRows.withUnsafeBufferPointer {
      decoder.start(stack!, encoded.rows, $0.baseAddress!, count: batch * beam)
    }
    let spare = StreamStates(decoder.network, streams: decoder.states.streams)
    var searches = (0..<batch).map {
      BeamSearch(row: $0, beam: beam, end: end, limit: limit(encoded.rows.length($0)))
    }
    while true {
      let open = searches.flatMap(\.open)
      if open.isEmpty { break }
      let logits = step(decoder, open, encoded)
      var at = 0
      for row in searches.indices where !searches[row].open.isEmpty {
        let count = searches[row].open.count
        searches[row].extend(logits, rows: at..<at + count, width: network.outputSize)
        at += count
      }
      for hypothesis in searches.flatMap(\.open) {
        spare.copy(hypothesis.parent, of: decoder.states, to: hypothesis.stream)
      }
      for hypothesis in searches.flatMap(\.open) {
        decoder.states.copy(hypothesis.stream, of: spare, to: hypothesis.stream)
      }
    }
    return searches.map(\.best)
  }

  /// The outputs for one more token of each hypothesis.
  private func step(
    _ decoder: Decoder, _ open: [BeamSearch.Hypothesis], _ encoded: Request
  ) -> UnsafePointer<Float> {
    let tokens = open.map(\.last)
    let streams = open.map(\.stream)
    let sourceRows = open.map { Int32($0.row) }
    return tokens.withUnsafeBufferPointer { tokens in
      streams.withUnsafeBufferPointer { streams in
        sourceRows.withUnsafeBufferPointer { sourceRows in
          let parameters = UnsafePointer(parameters.baseAddress!)
          var request = Request(
            inputs: parameters, codes: tokens.baseAddress!, samples: streams.baseAddress!,
            rows: BatchRows(steps: 1, batch: open.count), mode: .evaluation)
          let read = decoder.run(
            &request, encoded.rows, sourceRows: sourceRows.baseAddress!, streams: streams.baseAddress!,
            parameters)
          return UnsafePointer(head.forward(read, rows: open.count, request).baseAddress!)
        }
      }
    }
  }
}

/// The hypotheses for one source.
struct BeamSearch {
  struct Hypothesis {
    var row: Int
    /// Where its state is, and where that of the hypothesis it goes on from is.
    var stream: Int32
    var parent: Int32
    var tokens: [Int32]
    var last: Int32
    var score: Double
  }

  private let row: Int
  private let beam: Int
  private let end: Int32
  private let limit: Int
  private(set) var open: [Hypothesis]
  private var complete: [(tokens: [Int32], score: Double)] = []

  init(row: Int, beam: Int, end: Int32, limit: Int) {
    self.row = row
    self.beam = beam
    self.end = end
    self.limit = limit
    let stream = Int32(row * beam)
    open = [Hypothesis(row: row, stream: stream, parent: stream, tokens: [], last: end, score: 0)]
  }

  /// Takes one more step.
  /// - logits: of all hypotheses of all sources; this one's are `rows`.
  mutating func extend(_ logits: UnsafePointer<Float>, rows: Range<Int>, width: Int) {
    var candidates: [(hypothesis: Int, token: Int32, score: Double)] = []
    for (index, row) in rows.enumerated() {
      let x = UnsafeBufferPointer(start: logits + row * width, count: width)
      let top = Double(x.max()!)
      let logSum = top + log(x.reduce(0.0) { $0 + exp(Double($1) - top) })
      let best = x.indices.sorted { x[$0] != x[$1] ? x[$0] > x[$1] : $0 < $1 }.prefix(beam)
      candidates += best.map { (index, Int32($0), open[index].score + Double(x[$0]) - logSum) }
    }
    candidates.sort {
      $0.score != $1.score ? $0.score > $1.score : ($0.hypothesis, $0.token) < ($1.hypothesis, $1.token)
    }
    var next: [Hypothesis] = []
    for candidate in candidates.prefix(beam - complete.count) {
      let from = open[candidate.hypothesis]
      if candidate.token == end || from.tokens.count + 1 >= limit {
        let tokens = candidate.token == end ? from.tokens : from.tokens + [candidate.token]
        complete.append((tokens, candidate.score / Double(from.tokens.count + 1)))
      } else {
        next.append(
          Hypothesis(
            row: row, stream: Int32(row * beam + next.count), parent: from.stream,
            tokens: from.tokens + [candidate.token], last: candidate.token, score: candidate.score))
      }
    }
    open = next
  }

  /// The first of the best.
  var best: [Int32] {
    var best = complete[0]
    for other in complete.dropFirst() where other.score > best.score { best = other }
    return best.tokens
  }
}
