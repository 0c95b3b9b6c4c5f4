import Recurrent

/// How often which answer was given, over all samples, or the sum of their weights. Doubles hold whole numbers exactly, in any order of
/// addition, and so they do sums of float weights of like size: their 24 bits leave room for 2²⁹ of them.
struct OutcomeCounts {
  enum Outcomes: Equatable {
    case none
    /// One of several classes.
    case classes(Int)
    /// Several answers, yes or no.
    case labels(Int)
    /// A class of so many that only right and wrong are counted.
    case manyClasses
  }
  /// A confusion matrix beyond this says nothing to anybody.
  static let classLimit = 512

  let kind: Outcomes
  private let counts: [Double]

  init(_ kind: Outcomes, _ counts: some Sequence<Double>) {
    self.kind = kind
    self.counts = Array(counts)
  }

  /// Right, counted; for classes the confusion matrix and how often the right one had which rank; for labels four fields each.
  static func fields(_ kind: Outcomes) -> Int {
    switch kind {
    case .none: 0
    case .manyClasses: 2
    case .classes(let count): 2 + count * count + count
    case .labels(let count): 2 + 4 * count
    }
  }

  /// Adds the answers of a batch to `counts`.
  static func add(
    _ kind: Outcomes, loss: Loss, outputs: UnsafePointer<Float>, rows: Int, width: Int,
    targets: Loss.Targets, to counts: UnsafeMutableBufferPointer<Double>
  ) {
    guard kind != .none else { return }
    let score = loss.score(outputs: outputs, rows: rows, width: width, targets: targets)
    counts[0] += score.right
    counts[1] += score.counted
    switch (kind, loss) {
    case (.classes(let count), .crossEntropy(let ignoreIndex, _, _)):
      for row in 0..<rows {
        let weight = Double(targets.classWeight(ofRow: row, ignoring: ignoreIndex))
        guard weight > 0 else { continue }
        let (output, actual) = (outputs + row * width, Int(targets.classes[row]))
        counts[2 + actual * count + largest(output, width)] += weight
        counts[2 + count * count + rank(of: actual, output, width)] += weight
      }
    case (.labels, _):
      for i in 0..<rows * width {
        let value = targets.values[i]
        let weight = Double(targets.weight(of: i, perRow: width))
        counts[2 + 4 * (i % width) + (value > 0.5 ? 2 : 0) + (outputs[i] > 0 ? 1 : 0)] += weight
      }
    default: break
    }
  }

  var accuracy: Double? { counts.count > 1 && counts[1] > 0 ? counts[0] / counts[1] : nil }

  /// The share of answers where the right class is among the k largest outputs; nil where all are.
  func topAccuracy(_ k: Int) -> Double? {
    guard case .classes(let count) = kind, k < count, counts[1] > 0 else { return nil }
    return counts[(2 + count * count)...].prefix(k).reduce(0, +) / counts[1]
  }

  /// `[actual][predicted]`; for one answer of yes or no these are the two classes.
  var confusion: [[Double]]? {
    switch kind {
    case .classes(let count):
      (0..<count).map { actual in Array(counts[(2 + actual * count)...].prefix(count)) }
    case .labels(1): [[counts[2], counts[3]], [counts[4], counts[5]]]
    case .labels, .none, .manyClasses: nil
    }
  }

  /// Of each class or label: right, predicted, actual.
  private var occurrences: [(right: Double, predicted: Double, actual: Double)] {
    switch kind {
    case .classes(let count):
      (0..<count).map { c in
        func sum(_ index: (Int) -> Int) -> Double { (0..<count).reduce(0) { $0 + counts[2 + index($1)] } }
        return (counts[2 + c * count + c], sum { $0 * count + c }, sum { c * count + $0 })
      }
    case .labels(let count):
      (0..<count).map { c in
        let (falsePositive, missed, right) = (counts[3 + 4 * c], counts[4 + 4 * c], counts[5 + 4 * c])
        return (right, right + falsePositive, right + missed)
      }
    case .none, .manyClasses: []
    }
  }

  /// The mean over the classes that occur or were predicted.
  var macroF1: Double? {
    let present = occurrences.filter { $0.predicted + $0.actual > 0 }
    guard !present.isEmpty else { return nil }
    return present.reduce(0) { $0 + 2 * $1.right / ($1.predicted + $1.actual) } / Double(present.count)
  }

  /// - names: of the classes or labels; numbers stand in for those that have none.
  func classScores(_ names: [String]) -> [EvaluationDetails.ClassScore]? {
    let all = occurrences
    func share(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
    guard !all.isEmpty else { return nil }
    return all.enumerated().map { index, count in
      EvaluationDetails.ClassScore(
        name: index < names.count ? names[index] : "\(index)",
        precision: share(count.right, count.predicted), recall: share(count.right, count.actual),
        f1: share(2 * count.right, count.predicted + count.actual), support: count.actual)
    }
  }
}

extension Loss {
  /// What can be counted about answers of this many outputs.
  func outcomes(_ outputs: Int) -> OutcomeCounts.Outcomes {
    switch self {
    case .crossEntropy: outputs <= OutcomeCounts.classLimit ? .classes(outputs) : .manyClasses
    case .bceWithLogits: outputs <= OutcomeCounts.classLimit ? .labels(outputs) : .manyClasses
    default: .none
    }
  }
}

/// How many outputs are larger than that of the class, or as large and before it: 0 where it is the answer.
private func rank(of actual: Int, _ outputs: UnsafePointer<Float>, _ count: Int) -> Int {
  let value = outputs[actual]
  var rank = 0
  for i in 0..<count where outputs[i] > value || (outputs[i] == value && i < actual) { rank += 1 }
  return rank
}
