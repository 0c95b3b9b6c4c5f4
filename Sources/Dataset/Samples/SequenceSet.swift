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
  enum Targets: Sendable, Equatable {
    /// The row of the sample's number plus this: `w - 1 + horizon` for windows, 0 where each sample has its own.
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
  var targets: Targets
  /// Where lengths differ: the first row of each sample, and the end of the last.
  var starts: [Int]?

  static func windows(_ window: Int, horizon: Int) -> SampleLayout {
    SampleLayout(steps: window, stride: 1, targets: .offset(window - 1 + horizon))
  }
  static func separate(steps: Int) -> SampleLayout {
    SampleLayout(steps: steps, stride: steps, targets: .offset(0))
  }
  /// Samples of any length side by side.
  /// - starts: the first row of each, and the end of the last.
  static func separate(starts: [Int], targets: Targets = .offset(0)) -> SampleLayout {
    let longest = zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
    let isEqual = starts.last == longest * (starts.count - 1)
    return SampleLayout(
      steps: longest, stride: longest, targets: targets, starts: isEqual ? nil : starts)
  }

  @inline(__always)
  func start(_ sample: Int) -> Int { starts?[sample] ?? sample * stride }
  @inline(__always)
  func length(_ sample: Int) -> Int { starts.map { $0[sample + 1] - $0[sample] } ?? steps }
  func rows(_ sample: Int) -> Range<Int> { start(sample)..<start(sample) + length(sample) }
  func targetRows(_ sample: Int) -> Range<Int> {
    switch targets {
    case .offset(let offset): sample + offset..<sample + offset + 1
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
  /// `[rows, F]`.
  let inputs: Elements<Element>
  /// `[target rows, width]`; empty for classes.
  let values: Elements<Float>
  /// `[target rows]`; empty for values.
  let classes: Elements<Int32>

  var count: Int { samples.count }
  func length(of sample: Int) -> Int { layout.length(samples.lowerBound + sample) }

  func gather(_ numbers: UnsafeBufferPointer<Int32>, into memory: BatchMemory) {
    for number in numbers { precondition(number >= 0 && Int(number) < count, "sample number out of range") }
    gatherInputs(numbers, memory.inputs)
    switch shape.target {
    case .values(let width):
      gatherTargets(numbers, values, to: memory.values, width: width)
    case .classes:
      gatherTargets(numbers, classes, to: memory.classes, width: 1)
    }
  }

  private func gatherInputs(_ numbers: UnsafeBufferPointer<Int32>, _ out: UnsafeMutablePointer<Float>) {
    let features = shape.features
    inputs.withUnsafeBufferPointer { inputs in
      guard let base = inputs.baseAddress else { return }
      if layout.starts != nil {
        var to = out
        forEachRow(numbers) { row in
          Element.write(base + row * features, to: to, count: features)
          to += features
        }
        return
      }
      // Time-major: the batch's rows of one step stand side by side.
      for b in 0..<numbers.count {
        var from = base + (samples.lowerBound + Int(numbers[b])) * layout.stride * features
        var to = out + b * features
        for _ in 0..<layout.steps {
          Element.write(from, to: to, count: features)
          from += features
          to += numbers.count * features
        }
      }
    }
  }

  /// The rows of a batch in the order it has them: for each step those of the samples that are longer.
  @inline(__always)
  private func forEachRow(_ numbers: UnsafeBufferPointer<Int32>, _ body: (Int) -> Void) {
    var active = numbers.count
    var step = 0
    while true {
      while active > 0, length(of: Int(numbers[active - 1])) <= step { active -= 1 }
      if active == 0 { return }
      for b in 0..<active {
        let length = length(of: Int(numbers[b]))
        precondition(length > step, "samples of different length must come longest first")
        body(layout.start(samples.lowerBound + Int(numbers[b])) + step)
      }
      step += 1
    }
  }

  private func gatherTargets<Target: BitwiseCopyable>(
    _ numbers: UnsafeBufferPointer<Int32>, _ targets: Elements<Target>, to out: UnsafeMutablePointer<Target>,
    width: Int
  ) {
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      var to = out
      func copy(_ row: Int) {
        for column in 0..<width { to[column] = base[row * width + column] }
        to += width
      }
      if layout.targets == .eachRow, layout.starts == nil {
        for step in 0..<layout.steps {
          for number in numbers { copy(layout.start(samples.lowerBound + Int(number)) + step) }
        }
      } else if layout.targets == .eachRow {
        forEachRow(numbers, copy)
      } else {
        for number in numbers { copy(layout.targetRows(samples.lowerBound + Int(number)).lowerBound) }
      }
    }
  }
}
