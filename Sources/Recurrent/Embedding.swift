import Batches
import CKernels
import Kernels

/// Codes as vectors: row k of a table `[V, N]` stands for code k, `torch.nn.Embedding`.
///
/// Tokens have one table, whose vectors are all that the first layer reads. Categorical columns have a table each; in a row of the
/// first layer's input their vectors stand after the numbers, in the order of the columns.
final class Embedding {
  private let tables: [Table]
  /// The same for a first layer that projects each code once.
  private let vocabularies: [ProjectedTable]
  private let areTokens: Bool
  /// Numbers before the vectors, F.
  private let numbers: Int
  /// Of all vectors side by side.
  private let width: Int
  /// All tables lie one after the other.
  private let range: Range<Int>
  private let team: Team
  /// `[T, B, F + N]`
  private var rows = FloatBuffer(0)

  private struct Table {
    let specification: Network.Embedding
    /// Where it lies in the flat buffer.
    let weight: Int
    /// Its columns among those of all vectors.
    let columns: Range<Int>
    /// Numbers its dropout masks, after any layer's.
    let mask: UInt32

    /// - numbers: columns of the first layer's input in front of all vectors.
    func vocabulary(after numbers: Int, all: Range<Int>) -> ProjectedTable {
      ProjectedTable(
        columns: numbers + columns.lowerBound..<numbers + columns.upperBound, weight: weight,
        size: specification.vocabulary, parameters: all)
    }
  }

  /// Of tokens.
  init(
    _ specification: Network.Embedding, _ layout: ParameterLayout, _ team: Team,
    name: String = "embedding", mask: UInt32 = 0x4000_0000
  ) {
    range = layout["\(name).weight"]!.range
    self.team = team
    (numbers, width, areTokens) = (0, specification.width, true)
    tables = [
      Table(
        specification: specification, weight: range.lowerBound, columns: 0..<specification.width, mask: mask)
    ]
    vocabularies = tables.map { [range] in $0.vocabulary(after: 0, all: range) }
  }

  /// Of categorical columns beside numbers.
  init(_ categories: [Network.Embedding], numbers: Int, _ layout: ParameterLayout, _ team: Team) {
    self.team = team
    (self.numbers, areTokens) = (numbers, false)
    var tables: [Table] = []
    for (column, specification) in categories.enumerated() {
      let start = tables.last?.columns.upperBound ?? 0
      tables.append(
        Table(
          specification: specification,
          weight: layout[ParameterLayout.categoryName(column)]!.range.lowerBound,
          columns: start..<start + specification.width, mask: 0x4100_0000 + UInt32(column)))
    }
    self.tables = tables
    width = tables.last!.columns.upperBound
    range = layout.span(of: categories.indices.map(ParameterLayout.categoryName))
    vocabularies = tables.map { [range] in $0.vocabulary(after: numbers, all: range) }
  }

  /// The first layer's view of a batch whose codes are not looked up row by row; empty where they are.
  ///
  /// Tokens: where it is less work to project the whole vocabulary than every token. Masks differ from token to token. Categories:
  /// always, so that a row's bits don't depend on its batch; of a table that is larger than the batch only what the batch has.
  /// - rows: of the batch, or of its smallest lane.
  func vocabularies(_ request: Model.Request, rows: Int, _ parameters: UnsafePointer<Float>)
    -> [ProjectedTable]
  {
    let isWhole = tables[0].specification.vocabulary < rows
    if areTokens, !isWhole || drops(tables[0], request) { return [] }
    for (column, vocabulary) in vocabularies.enumerated() {
      let table = tables[column]
      vocabulary.read(
        request.codes! + column, stride: tables.count, rows: request.rows.count,
        table: parameters + table.weight, isWhole: table.specification.vocabulary <= rows || areTokens)
    }
    return vocabularies
  }

  /// The rows that the first layer reads, `[T, B, F + N]`: a batch's numbers, and the vectors of its codes.
  func forward(_ request: Model.Request, _ parameters: UnsafePointer<Float>) -> UnsafePointer<Float> {
    let (count, stride, codes) = (request.rows.count, numbers + width, request.codes!)
    rows.reserve(count * stride)
    team.run(.projection, operations: count * stride) { share in
      for row in share.of(count) {
        let to = rows.base + row * stride
        to.update(from: request.inputs + row * numbers, count: numbers)
        for (column, table) in tables.enumerated() {
          let (code, size) = (Int(codes[row * tables.count + column]), table.specification.vocabulary)
          precondition(code >= 0 && code < size, "code \(code) is none of \(size)")
          (to + numbers + table.columns.lowerBound).update(
            from: parameters + table.weight + code * table.columns.count, count: table.columns.count)
        }
      }
    }
    drop(request, rows.base)
    return UnsafePointer(rows.base)
  }

  /// Adds the gradients of the rows that `forward` gave to those of the codes' vectors, in the order of the rows.
  func backward(_ request: Model.Request, dRows: UnsafeMutablePointer<Float>, _ target: GradientTarget) {
    drop(request, dRows)
    let (stride, codes) = (numbers + width, request.codes!)
    target.add(range, batch: request.batch, team) { part in
      let groups = request.rows.groups(of: part.sequences)
      team.run(.inputGradients, operations: groups.rows * width) { share in
        let own = share.of(width, grain: 16)
        for (column, table) in tables.enumerated() {
          let columns = own.clamped(to: table.columns)
          guard !columns.isEmpty else { continue }
          let (from, size) = (dRows + numbers, table.columns.count)
          let to = part.gradients + table.weight - table.columns.lowerBound
          for rows in groups {
            for row in rows {
              let vector = to + Int(codes[row * tables.count + column]) * size
              for column in columns { vector[column] += from[row * stride + column] }
            }
          }
        }
      }
    }
  }

  private func drops(_ table: Table, _ request: Model.Request) -> Bool {
    table.specification.dropout > 0 && request.mode != .evaluation
  }

  /// A mask is its own derivative.
  private func drop(_ request: Model.Request, _ x: UnsafeMutablePointer<Float>) {
    guard case .training(let seed, let step) = request.mode else { return }
    for table in tables where drops(table, request) {
      var mask = rk_dropout(
        seed: seed, step: step, layer: table.mask, probability: table.specification.dropout)
      let (vectors, width) = (x + numbers + table.columns.lowerBound, table.columns.count)
      rk_dropout_apply(
        &mask, vectors, vectors, request.steps, request.batch, request.rows.offsets, numbers + self.width, 1,
        width, width, request.samples)
    }
  }
}
