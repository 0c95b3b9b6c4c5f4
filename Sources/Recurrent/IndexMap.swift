/// Where the padded rows or columns of a weight matrix come from.
///
/// Hidden units are padded to whole vectors and gates may be stored in another order than PyTorch's; this table gives for each
/// stored index the index in the parameter, or -1 for padding. `nil` pointers stand for the identity.
final class IndexMap {
  let count: Int
  private let storage: UnsafeMutablePointer<Int32>?

  /// Blocks of `width` units, each padded to `padded`; block b of the parameter is `order[b]`.
  init(order: [Int], width: Int, padded: Int) {
    count = order.count * padded
    if width == padded && order == Array(0..<order.count) {
      storage = nil
      return
    }
    let table = UnsafeMutablePointer<Int32>.allocate(capacity: count)
    for (block, source) in order.enumerated() {
      for unit in 0..<padded {
        table[block * padded + unit] = unit < width ? Int32(source * width + unit) : -1
      }
    }
    storage = table
  }
  deinit { storage?.deallocate() }

  var isIdentity: Bool { storage == nil }
  /// The table, or nil for the identity.
  var table: UnsafePointer<Int32>? { UnsafePointer(storage) }

  /// Adds the stored matrix (this map's rows × `columns`) to the parameter `[_, width]`.
  func scatterAdd(
    _ stored: UnsafePointer<Float>, columns: IndexMap, to parameter: UnsafeMutablePointer<Float>, width: Int
  ) {
    for row in 0..<count {
      let target = storage.map { Int($0[row]) } ?? row
      guard target >= 0 else { continue }
      let from = stored + row * columns.count
      let to = parameter + target * width
      if let table = columns.storage {
        for column in 0..<columns.count where table[column] >= 0 { to[Int(table[column])] += from[column] }
      } else {
        for column in 0..<columns.count { to[column] += from[column] }
      }
    }
  }

  /// Adds a stored vector to the parameter.
  func scatterAdd(_ stored: UnsafePointer<Float>, to parameter: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let target = storage.map { Int($0[row]) } ?? row
      if target >= 0 { parameter[target] += stored[row] }
    }
  }

  /// Adds a parameter to a stored vector, leaving the padding alone.
  func gatherAdd(_ parameter: UnsafePointer<Float>, to stored: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let source = storage.map { Int($0[row]) } ?? row
      if source >= 0 { stored[row] += parameter[source] }
    }
  }
}
