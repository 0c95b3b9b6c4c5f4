import Batches
import Diagnostics

/// What a set keeps its inputs as: bytes of images stay bytes until a batch needs them.
protocol SequenceElement: BitwiseCopyable, Sendable {
  /// Writes `count` elements as the floats the model sees.
  static func write(_ from: UnsafePointer<Self>, to: UnsafeMutablePointer<Float>, count: Int)
}

extension Float: SequenceElement {
  @inline(__always)
  static func write(_ from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, count: Int) {
    // A loop rather than a call: most rows are a few floats.
    for i in 0..<count { to[i] = from[i] }
  }
}

extension UInt8: SequenceElement {
  /// A pixel as a fraction of white, as torchvision's `ToTensor` has it.
  @inline(__always)
  static func write(_ from: UnsafePointer<UInt8>, to: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { to[i] = Float(from[i]) / 255 }
  }
}

/// How samples lie in rows of numbers.
struct SampleLayout: Sendable, Equatable {
  /// Which target rows belong to a sample.
  enum TargetRows: Sendable, Equatable {
    /// The row of the sample's number plus this, or of its first row where that is listed: `w - 1 + horizon` for windows, 0 where each
    /// sample has its own.
    case offset(Int)
    /// The last of the sample's own rows.
    case lastRow
    /// All of the sample's own rows: one for each step.
    case eachRow
  }

  /// Rows per sample (T); of the longest where lengths differ.
  var steps: Int
  /// Rows from one sample's first to the next one's: 1 for sliding windows, T where samples stand side by side.
  var stride: Int
  var targets: TargetRows
  /// Where lengths differ: the first row of each sample, and the end of the last.
  var starts: [Int]?
  /// Where windows do not follow one another row by row: the first row of each.
  var firsts: [Int]?

  static func windows(_ window: Int, horizon: Int) -> SampleLayout {
    SampleLayout(steps: window, stride: 1, targets: .offset(window - 1 + horizon))
  }
  static func separate(steps: Int) -> SampleLayout {
    SampleLayout(steps: steps, stride: steps, targets: .offset(0))
  }
  /// Samples of any length side by side.
  /// - starts: the first row of each, and the end of the last.
  static func separate(starts: [Int], targets: TargetRows = .offset(0)) -> SampleLayout {
    let longest = zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
    let isEqual = starts.last == longest * (starts.count - 1)
    return SampleLayout(
      steps: longest, stride: longest, targets: targets, starts: isEqual ? nil : starts)
  }

  @inline(__always)
  func start(_ sample: Int) -> Int { firsts?[sample] ?? starts?[sample] ?? sample * stride }
  @inline(__always)
  func length(_ sample: Int) -> Int { starts.map { $0[sample + 1] - $0[sample] } ?? steps }
  func rows(_ sample: Int) -> Range<Int> { start(sample)..<start(sample) + length(sample) }
  func targetRows(_ sample: Int) -> Range<Int> {
    switch targets {
    case .offset(let offset):
      (firsts?[sample] ?? sample) + offset..<(firsts?[sample] ?? sample) + offset + 1
    case .lastRow: rows(sample).upperBound - 1..<rows(sample).upperBound
    case .eachRow: rows(sample)
    }
  }
}

/// Samples that are stretches of rows in one array, which several sets may share.
struct SequenceSet<Element: SequenceElement>: SampleSet {
  let shape: SampleShape
  let layout: SampleLayout
  /// The samples of the whole array that belong to this set.
  let samples: Range<Int>
  /// `[rows, F]`; empty where they are `stored`.
  let inputs: Elements<Element>
  /// `[target rows, width]`; empty for classes.
  let values: Elements<Float>
  /// `[target rows]`; empty for values.
  let classes: Elements<Int32>
  /// `[rows, C]`; empty without categorical columns.
  var categories = Elements<Int32>.own([])
  /// `[target rows, weights of a row]`; empty where all count alike.
  var weights = Elements<Float>.own([])
  /// The series of each sample of the whole array, and the scales of its targets; empty where all have the same.
  var scales = SeriesScales()
  /// What the targets of each sample of the whole array count from, where they are changes.
  var bases: TargetBases?
  /// The inputs where they stay in their files.
  var stored: StoredRows?

  var count: Int { samples.count }
  func length(of sample: Int) -> Int { layout.length(samples.lowerBound + sample) }

  func fill(_ batch: Batch) {
    fillInputs(batch)
    switch shape.target {
    case .values(let width): fillTargets(batch, values, to: batch.values, width: width)
    case .classes: fillTargets(batch, classes, to: batch.classes, width: 1)
    }
    if let out = batch.weights { fillTargets(batch, weights, to: out, width: shape.weightsPerRow) }
    if let out = batch.categories { fillCategories(batch, to: out) }
  }

  var readingFailure: Failure? { stored?.failure }
  var samplesAhead: Int? { stored?.samplesAhead }
  func readAhead(_ numbers: [Int32]) { stored?.readAhead(numbers, of: samples) }

  func targetBase(of sample: Int) -> [Double]? { bases.map { $0[samples.lowerBound + sample] } }
  func targetScale(of sample: Int) -> [Scaler.ColumnScale]? { scales[samples.lowerBound + sample] }

  /// The sample's number in the whole array.
  @inline(__always)
  private func sample(_ batch: Batch, _ place: Int) -> Int { samples.lowerBound + Int(batch.numbers[place]) }

  private func fillInputs(_ batch: Batch) {
    guard let out = batch.inputs.baseAddress else { return }
    let features = shape.features
    if let stored { return fillInputs(batch, stored, to: out) }
    inputs.withUnsafeBufferPointer { inputs in
      guard let base = inputs.baseAddress else { return }
      if layout.starts != nil {
        return batch.rows.forEachRow { row, place, step in
          let from = base + (layout.start(sample(batch, place)) + step) * features
          Element.write(from, to: out + row * features, count: features)
        }
      }
      // Sample by sample, whose rows stand side by side in the array.
      for place in 0..<batch.count {
        var from = base + layout.start(sample(batch, place)) * features
        var to = out + place * features
        for _ in 0..<layout.steps {
          Element.write(from, to: to, count: features)
          from += features
          to += batch.count * features
        }
      }
    }
  }

  /// Each sample's rows stand as far apart in the batch as it has samples.
  private func fillInputs(_ batch: Batch, _ stored: StoredRows, to out: UnsafeMutablePointer<Float>) {
    for place in 0..<batch.count {
      stored.write(
        layout.rows(sample(batch, place)), to: out + place * shape.features,
        step: batch.count * shape.features)
    }
  }

  private func fillCategories(_ batch: Batch, to out: UnsafeMutablePointer<Int32>) {
    let columns = shape.categories.count
    categories.withUnsafeBufferPointer { codes in
      batch.rows.forEachRow { row, place, step in
        let from = (layout.start(sample(batch, place)) + step) * columns
        for column in 0..<columns { out[row * columns + column] = codes[from + column] }
      }
    }
  }

  private func fillTargets<Target: BitwiseCopyable>(
    _ batch: Batch, _ targets: Elements<Target>, to out: UnsafeMutablePointer<Target>, width: Int
  ) {
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      func copy(_ from: Int, to row: Int) {
        for column in 0..<width { out[row * width + column] = base[from * width + column] }
      }
      if layout.targets == .eachRow {
        return batch.rows.forEachRow { row, place, step in
          copy(layout.start(sample(batch, place)) + step, to: row)
        }
      }
      for place in 0..<batch.count {
        copy(layout.targetRows(sample(batch, place)).lowerBound, to: place)
      }
    }
  }
}
