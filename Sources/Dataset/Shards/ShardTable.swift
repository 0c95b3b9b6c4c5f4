import Diagnostics
import Files

/// An array that lies in several files of NPY or IDX, its first dimension cut: rows and columns of numbers that are read where they are needed.
struct ShardTable: NumberTable, Sendable {
  let files: StoredFiles
  private let kind: ShardKind
  let element: NPYFile.Element
  /// Of a sample: the dimensions after the first.
  let shape: [Int]
  /// The samples of each file.
  let samples: [Int]
  /// Numbers of a row in the files.
  private let width: Int
  /// Which of them are read; nil for all.
  private var selection: [Int]?
  /// Where the numbers of each file begin.
  private let bodies: [Int]
  /// The first row of each file, and the end of the last.
  private let starts: [Int]

  var rows: Int { starts.last! }
  var columns: Int { selection?.count ?? width }

  /// - key: the recipe's key that names them, for messages.
  /// - Throws: a `Failure` for the first file that does not go with the one before it.
  init(_ paths: [String], _ kind: ShardKind = .npy, key: String) throws(Failure) {
    self.kind = kind
    files = try StoredFiles(paths, key: key)
    let first = try StoredArray(paths[0], kind, key: key)
    var (samples, bodies): ([Int], [Int]) = ([], [])
    // Each is open for as long as its header is looked at.
    for path in paths {
      let array = try StoredArray(path, kind, key: key)
      try first.require(sameAs: array)
      samples.append(array.shape[0])
      bodies.append(array.body)
    }
    (self.samples, self.bodies) = (samples, bodies)
    element = first.element
    shape = Array(first.shape.dropFirst())
    width = shape.last ?? 1
    let steps = shape.dropLast().reduce(1, *)
    starts = samples.reduce(into: [0]) { $0.append($0.last! + $1 * steps) }
  }

  /// The same with some of the columns, in this order.
  func selecting(_ columns: [Int]) -> ShardTable {
    var table = self
    table.selection = columns
    return table
  }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    guard let selection else { return readAll(rows, into: block) }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: rows.count * width) { numbers in
      guard let base = numbers.baseAddress else { return }
      readAll(rows, into: base)
      for row in 0..<rows.count {
        for (column, place) in selection.enumerated() {
          block[row * selection.count + column] = base[row * width + place]
        }
      }
    }
  }

  /// Whether they are rows of floats as this machine has them, which can be read without a detour.
  var areFloats: Bool {
    element == .float32 && kind == .npy && selection == nil && UInt32(1).littleEndian == 1
  }

  /// The same as `read` for such rows.
  func readFloats(_ rows: Range<Int>, into block: UnsafeMutablePointer<Float>) {
    forEachFile(of: rows) { file, range in
      let out = block + (starts[file] + range.lowerBound - rows.lowerBound) * width
      files.copy(file, bytes(file, range), to: out)
    }
  }

  private func readAll(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    forEachFile(of: rows) { file, range in
      let out = block + (starts[file] + range.lowerBound - rows.lowerBound) * width
      element.read(range.count * width, into: out) {
        files.copy(file, bytes(file, range), to: $0.baseAddress!)
      }
      if kind == .images { for i in 0..<range.count * width { out[i] /= 255 } }
    }
  }

  /// Bytes of a row in its file.
  var rowBytes: Int { width * element.size }

  /// Asks the system to have these rows in memory soon.
  func readAhead(_ rows: Range<Int>) {
    forEachFile(of: rows) { file, range in files.readAhead(file, bytes(file, range)) }
  }

  private func bytes(_ file: Int, _ rows: Range<Int>) -> Range<Int> {
    bodies[file] + rows.lowerBound * rowBytes..<bodies[file] + rows.upperBound * rowBytes
  }

  /// Calls `body` with the files that hold these rows, and which of each file's rows they are.
  private func forEachFile(of rows: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var first = rows.lowerBound
    var file = file(of: first)
    while first < rows.upperBound {
      let end = min(rows.upperBound, starts[file + 1])
      body(file, first - starts[file]..<end - starts[file])
      (first, file) = (end, file + 1)
    }
  }

  /// The last file that begins at this row or before it.
  private func file(of row: Int) -> Int {
    var (low, high) = (0, samples.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= row { low = middle } else { high = middle - 1 }
    }
    return low
  }

  func location(row: Int, column: Int) -> String {
    let file = file(of: min(row, rows - 1))
    let sizes = [samples[file]] + shape
    return NPYFile.location(
      (row - starts[file]) * width + (selection?[column] ?? column), of: sizes, in: files.paths[file])
  }

  var failure: Failure? { files.failure }
}
