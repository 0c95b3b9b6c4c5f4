import Kernels

/// A table of vectors as the first layer sees it where it projects each code once instead of every row that has it.
final class ProjectedTable {
  /// Of the layer's input.
  let columns: Range<Int>
  /// Where the table lies in the flat buffer, and where all tables do.
  let weight: Int
  let parameters: Range<Int>
  /// Rows of the table.
  private let size: Int

  /// Rows of vectors that are projected.
  private(set) var count = 0
  /// Where all rows are: the table, and for each row of the batch one of it, `codes[row · stride]`.
  private var whole: (table: UnsafePointer<Float>, codes: UnsafePointer<Int32>, stride: Int)?

  /// Where the table is larger than the batch: what of it the batch has. For each row of the table its place there, from 1.
  private var places = GrowingArray<Int32>()
  private var found = GrowingArray<Int32>()
  private var local = GrowingArray<Int32>()
  private var copies = FloatBuffer(0)

  init(columns: Range<Int>, weight: Int, size: Int, parameters: Range<Int>) {
    (self.columns, self.weight, self.size, self.parameters) = (columns, weight, size, parameters)
  }

  /// `[count, N]`
  var vectors: UnsafePointer<Float> { whole?.table ?? UnsafePointer(copies.base) }
  /// For each of these its row of the table, ascending; nil where they are the table.
  var rows: UnsafePointer<Int32>? { whole == nil ? UnsafePointer(found.base) : nil }

  /// The place of a row's vector.
  @inline(__always)
  func place(_ row: Int) -> Int {
    let place = whole.map { Int($0.codes[row * $0.stride]) } ?? Int(local.base[row])
    precondition(place >= 0 && place < count, "code \(place) is none of \(count)")
    return place
  }

  /// - codes: of the batch's rows, from one to the next `stride`.
  /// - batch: how many rows there are. table: `[size, N]`.
  func read(
    _ codes: UnsafePointer<Int32>, stride: Int, rows batch: Int, table: UnsafePointer<Float>, isWhole: Bool
  ) {
    guard !isWhole else {
      (count, whole) = (size, (table, codes, stride))
      return
    }
    whole = nil
    places.reserve(size)
    local.reserve(batch)
    for row in 0..<batch {
      let code = Int(codes[row * stride])
      precondition(code >= 0 && code < size, "code \(code) is none of \(size)")
      places.base[code] = 1
    }
    found.reserve(batch)
    count = 0
    // In the order of the table, so that sums over codes do not depend on the order of the batch.
    for code in 0..<size where places.base[code] != 0 {
      found.base[count] = Int32(code)
      count += 1
      places.base[code] = Int32(count)
    }
    let width = columns.count
    copies.reserve(count * width)
    for place in 0..<count {
      (copies.base + place * width).update(from: table + Int(found.base[place]) * width, count: width)
    }
    for row in 0..<batch { local.base[row] = places.base[Int(codes[row * stride])] - 1 }
    for place in 0..<count { places.base[Int(found.base[place])] = 0 }
  }
}
