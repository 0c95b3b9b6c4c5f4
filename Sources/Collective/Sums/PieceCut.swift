/// A message in pieces: whole where it is small, else doubles and then floats, pieces of nearly equal length.
struct PieceCut {
  struct Piece {
    var values: UnsafeMutableBufferPointer<Float>
    var sums: UnsafeMutableBufferPointer<Double>
    var isWhole: Bool

    /// Of a piece that has numbers of one type.
    var base: UnsafeMutableRawPointer {
      sums.baseAddress.map { UnsafeMutableRawPointer($0) } ?? UnsafeMutableRawPointer(values.baseAddress!)
    }

    /// The part of one of several ranks that add: all of a whole piece.
    func slice(_ place: Int, of count: Int) -> (offset: Int, layout: SliceSum.Layout) {
      if isWhole {
        let units = 2 * sums.count + values.count
        return (0, .init(width: 4, count: units, doubles: sums.count, isWhole: true))
      }
      let width = sums.isEmpty ? 4 : 8
      let part = equalPart(place, of: max(sums.count, values.count), among: count)
      return (part.lowerBound * width, .init(width: width, count: part.count))
    }
  }

  /// Bytes below which no message is cut only to keep the network busy.
  private static let least = 1 << 18
  private var values = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  private var sums = UnsafeMutableBufferPointer<Double>(start: nil, count: 0)
  private var sumPieces = 0
  private var valuePieces = 0
  private(set) var isWhole = false

  init() {}

  init(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>, small: Int,
    piece: Int
  ) {
    (self.values, self.sums) = (values, sums)
    let bytes = 4 * values.count + 8 * sums.count
    isWhole = bytes > 0 && bytes <= small
    guard !isWhole else { return }
    sumPieces = (8 * sums.count + piece - 1) / piece
    valuePieces = Self.pieces(4 * values.count, of: piece)
  }

  /// So many pieces of a message that is cut: while one is on its way the next is added, also where one would hold all.
  static func pieces(_ bytes: Int, of piece: Int) -> Int {
    max((bytes + piece - 1) / piece, min(HierarchicalSum.turns, bytes / least))
  }

  var count: Int { isWhole ? 1 : sumPieces + valuePieces }

  subscript(index: Int) -> Piece {
    let nothing = (
      UnsafeMutableBufferPointer<Float>(start: nil, count: 0),
      UnsafeMutableBufferPointer<Double>(start: nil, count: 0)
    )
    if isWhole { return Piece(values: values, sums: sums, isWhole: true) }
    if index < sumPieces {
      let part = equalPart(index, of: sums.count, among: sumPieces)
      return Piece(values: nothing.0, sums: .init(rebasing: sums[part]), isWhole: false)
    }
    let part = equalPart(index - sumPieces, of: values.count, among: valuePieces)
    return Piece(values: .init(rebasing: values[part]), sums: nothing.1, isWhole: false)
  }
}
