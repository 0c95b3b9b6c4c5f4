import Files

extension StepProgram: CustomStringConvertible {
  /// The program as lines of text, one for each operation.
  public var description: String {
    let whole = step == begin + compute + update ? [] : [("whole step", step)]
    let parts = whole + [("begin", begin), ("load", load), ("compute", compute), ("update", update)]
    let bytes = buffers.reduce(0) { $0 + $1.bytes }
    let head = "\(buffers.count) buffers, \(bytes) bytes"
    return
      ([head]
      + parts.flatMap { name, operations in
        let mark = name == "update" ? ["-- ranks add up gradients and sums"] : []
        return mark + ["\(name): \(operations.count) operations"] + operations.flatMap { lines($0, "  ") }
      }).joined(separator: "\n")
  }

  private func lines(_ operation: Operation, _ indent: String) -> [String] {
    guard case .parallel(let branches) = operation else { return [indent + text(operation)] }
    return branches.enumerated().flatMap { index, operations in
      ["\(indent)\(index == 0 ? "at the same time:" : "and:")"]
        + operations.flatMap { lines($0, indent + "  ") }
    }
  }

  private func text(_ operation: Operation) -> String {
    switch operation {
    case .parallel(let branches): "\(branches.count) lists"
    case .zero(let region, let bytes): "zero \(text(region)) \(bytes) bytes"
    case .recurrence(let r):
      "cudnn \(r.pass.rawValue) \(r.shape.cell) [\(r.shape.steps), \(r.shape.batch), \(r.shape.input)] to "
        + "\(r.shape.directions) × \(r.shape.hidden): \(text(r.input)), \(text(r.output)), weights \(text(r.parameters))"
    case .sum(let sums): "sum over ranks: \(sums.map { text($0.region) }.joined(separator: ", "))"
    case .product(let p):
      "product \(text(p.c.region)) [\(p.rows), \(p.columns)] \(p.accumulates ? "+=" : "=") "
        + "\(text(p.a)) · \(text(p.b)), depth \(p.depth)"
    case .launch(let launch):
      "\(launch.kernel)\(launch.shape.map { "[\($0.definition)]" } ?? "")<\(launch.grid.x)\(launch.grid.y > 1 ? "×\(launch.grid.y)" : ""), \(launch.threads)>"
        + "(\(launch.arguments.map(text).joined(separator: ", ")))"
    }
  }

  private func text(_ matrix: Matrix) -> String { text(matrix.region) + (matrix.transposed ? "ᵀ" : "") }

  private func text(_ region: Region) -> String {
    buffers[region.buffer].name + (region.offset == 0 ? "" : "+\(region.offset)")
  }

  private func text(_ argument: Argument) -> String {
    switch argument {
    case .region(let region): region.map(text) ?? "null"
    case .int(let value): "\(value)"
    case .long(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .unsignedLong(let value): "\(value)"
    case .float(let value): "\(value)"
    case .structure(let words): "\(8 * words.count) bytes \(CacheFolder.hash(words.map { "\($0)" }))"
    }
  }
}
