import Diagnostics
import Files

/// Numbers of a file in rows and columns, read in blocks: what stands between a file format and scaled samples.
protocol NumberTable {
  var rows: Int { get }
  var columns: Int { get }
  /// Writes these rows as `[rows.count, columns]`.
  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>)
  /// Where this number stands, as a message names it.
  func location(row: Int, column: Int) -> String
  /// Whether numbers may be NaN, because nobody knows them.
  var mayBeUnknown: Bool { get }
  /// What went wrong while rows were read; those are then no numbers of the file.
  var failure: Failure? { get }
}

extension NumberTable {
  var mayBeUnknown: Bool { false }
  var failure: Failure? { nil }
}

extension NumberTable {
  /// Calls `body` with blocks of `[rows, columns]` that cover `range` in order.
  func forEachBlock<E: Error>(
    _ range: Range<Int>, _ body: (Range<Int>, UnsafePointer<Double>) throws(E) -> Void
  ) throws(E) {
    let perBlock = max(1, 4096 / max(1, columns))
    let scratch = UnsafeMutablePointer<Double>.allocate(capacity: perBlock * columns)
    defer { scratch.deallocate() }
    var first = range.lowerBound
    while first < range.upperBound {
      let block = first..<min(first + perBlock, range.upperBound)
      read(block, into: scratch)
      try body(block, scratch)
      first = block.upperBound
    }
  }

  /// The numbers as floats `[rows, columns]`, scaled in double first where `scaling` is given.
  /// Throws where a number is not finite, before or after; one that nobody knows stays NaN.
  /// - group: whose processes convert a part of the rows each, and have the result once.
  func floats(_ scaling: RowScaling = RowScaling(), _ group: LoadingGroup? = nil) throws(Failure) -> Elements<
    Float
  > {
    if let group {
      let memory = try group.memory(size: 4 * rows * columns)
      _ = try group.share { () throws(Failure) in
        try write(group.part(of: rows), to: memory.base.assumingMemoryBound(to: Float.self), scaling)
        return []
      }
      return .shared(memory)
    }
    var failure: Failure?
    let floats = [Float](unsafeUninitializedCapacity: rows * columns) { buffer, initialized in
      guard let out = buffer.baseAddress else { return }
      preferLargePages(out, 4 * buffer.count)
      do throws(Failure) { try write(0..<rows, to: out, scaling) } catch { failure = error }
      initialized = rows * columns
    }
    if let failure { throw failure }
    return .own(floats)
  }

  /// Writes these rows anew to their places in what `floats` gave.
  func write(_ rows: Range<Int>, to floats: inout [Float], _ scaling: RowScaling) throws(Failure) {
    var failure: Failure?
    floats.withUnsafeMutableBufferPointer { buffer in
      guard let out = buffer.baseAddress else { return }
      do throws(Failure) { try write(rows, to: out, scaling) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Writes these rows to their places in `[rows, columns]`.
  private func write(
    _ rows: Range<Int>, to out: UnsafeMutablePointer<Float>, _ scaling: RowScaling
  ) throws(Failure) {
    let (columns, mayBeUnknown) = (columns, mayBeUnknown)
    for (rows, scale) in scaling.stretches(of: rows) {
      // The place of the first number that can't be used.
      var bad: Int?
      forEachBlock(rows) { block, numbers in
        let start = out + block.lowerBound * columns
        for column in 0..<columns {
          let firstBad = Self.convert(
            numbers + column, start + column, count: block.count, stride: columns, scaling.method ?? .minmax,
            scale.column(column), fill: scale.fill(column), mayBeUnknown)
          if let firstBad, bad == nil { bad = (block.lowerBound + firstBad) * columns + column }
        }
      }
      if let bad { throw unusable(row: bad / columns, column: bad % columns) }
    }
    if let failure { throw failure }
  }

  /// Returns the first row whose result is not finite.
  private static func convert(
    _ numbers: UnsafePointer<Double>, _ out: UnsafeMutablePointer<Float>, count: Int, stride: Int,
    _ method: Scaler.Method, _ scale: Scaler.ColumnScale, fill: Double?, _ mayBeUnknown: Bool
  ) -> Int? {
    var largest: UInt32 = 0
    for i in 0..<count {
      let float = Float(method.scale(numbers[i * stride], scale))
      out[i * stride] = float
      largest = max(largest, float.magnitude.bitPattern)
    }
    // Infinity and NaN have the largest bit patterns.
    if largest < Float.infinity.bitPattern { return nil }
    return (0..<count).first { row in
      if mayBeUnknown, numbers[row * stride].isNaN {
        if let fill { out[row * stride] = Float(method.scale(fill, scale)) }
        return false
      }
      return !out[row * stride].isFinite
    }
  }

  func unusable(row: Int, column: Int) -> Failure {
    if let failure { return failure }
    var number = 0.0
    forEachBlock(row..<row + 1) { _, numbers in number = numbers[column] }
    let what =
      number.isFinite
      ? "\(number) is too large for a 32-bit float; scale or change the column"
      : "\(number) is not a usable number"
    return .badData("\(location(row: row, column: column)): \(what)")
  }
}

/// Numbers that nobody knows.
struct UnknownTable: NumberTable {
  let rows: Int
  let columns: Int
  let path: String
  var mayBeUnknown: Bool { true }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    block.update(repeating: .nan, count: rows.count * columns)
  }
  func location(row: Int, column: Int) -> String { path }
}
