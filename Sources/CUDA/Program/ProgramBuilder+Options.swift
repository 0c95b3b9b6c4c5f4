import Recurrent

/// What layers with options keep: projection, layer norm, recurrent dropout, zoneout, initial states that gradients reach.
extension ProgramBuilder {
  /// One direction of one layer; T·B rows each.
  struct StepwiseDirection {
    let d: Direction
    /// What the recurrent product read `[P]` and gave `[G·H]`, with layer norm its x̂.
    let seen, products: Region
    /// The cell's own outputs `[H]` where they are not h, and `[P]` after the projection.
    let wide, narrow: Region?
    /// Of a cell with c: tanh of the (normalized) cell `[H]`.
    let squashed: Region?
    /// A gated product with layer norm: what the reset gate multiplies `[H]`.
    let normed: Region?
    let inputNorm, recurrentNorm, cellNorm: NormRegions?
    /// Where W_hr begins.
    let projection: Int?
    /// Masks: of the recurrent product's input `[B, P]`; shares of the state before that are kept `[P]`, `[H]`.
    let recurrentMask, hiddenZone, cellZone: Region?
    /// Gradients of the cell's outputs after the projection `[P]`, and before it `[B, H]`.
    let dNarrow, dWide: Region
    /// `[B, P]`
    let dSeen: Region

    /// Gradients of what the input's product and the recurrent product gave.
    var dInputGates: Region { inputNorm?.dx ?? d.gates }
    var dRecurrentGates: Region { recurrentNorm?.dx ?? dRecurrentSums }
    /// Of the recurrent part as the gates see it.
    var dRecurrentSums: Region { d.recurrent ?? d.gates }
  }

  /// Layer norm of rows of `first` columns and, by themselves, `second` more.
  struct NormRegions {
    let weight: Int
    let bias: Int?
    let first, second: Int
    /// x̂, 1/deviation of each group, and the gradient of what was normalized.
    let x, deviation, dx: Region
    var columns: Int { first + second }
    var groups: Int { second > 0 ? 2 : 1 }
    /// A warp for each group of each row.
    func blocks(_ rows: Int) -> Int { (rows * groups + 7) / 8 }
  }

  mutating func stepwise(_ d: Direction) -> StepwiseDirection {
    let suffix = d.suffix
    let zoneout = network.zoneout
    func start(_ name: String) -> Int? { layout["rnn.\(name)\(suffix)"]?.range.lowerBound }
    func kept(_ name: String, _ width: Int, if condition: Bool) -> Region? {
      condition ? buffer("\(name)\(suffix)", room * width) : nil
    }
    let products = buffer("products\(suffix)", room * d.columns)
    let isProjected = network.projectionSize > 0
    let isZoned = zoneout.hidden > 0
    let drops = network.recurrentDropout > 0 && trains
    return StepwiseDirection(
      d: d, seen: buffer("seen\(suffix)", room * d.width), products: products,
      wide: kept("wide", d.hidden, if: isProjected || isZoned),
      narrow: kept("narrow", d.width, if: isProjected && isZoned),
      squashed: kept("squashed", d.hidden, if: cell.hasCellState),
      normed: kept("normed", d.hidden, if: cell.gatedProduct != nil && network.layerNorm),
      inputNorm: norm("norm_ih", d, isCell: false),
      recurrentNorm: norm("norm_hh", d, products, isCell: false),
      cellNorm: norm("norm_c", d, isCell: true), projection: start("weight_hr"),
      recurrentMask: drops ? buffer("recurrent_mask\(suffix)", capacity * d.width) : nil,
      hiddenZone: kept("hidden_zone", d.width, if: isZoned),
      cellZone: kept("cell_zone", d.hidden, if: zoneout.cell > 0),
      dNarrow: buffer("d_narrow\(suffix)", room * d.width),
      dWide: buffer("d_wide\(suffix)", capacity * d.hidden),
      dSeen: buffer("d_seen\(suffix)", capacity * d.width))
  }

  /// - x: where x̂ goes; nil for memory of its own.
  private mutating func norm(_ name: String, _ d: Direction, _ x: Region? = nil, isCell: Bool) -> NormRegions?
  {
    func start(_ part: String) -> Int? { layout["rnn.\(name)\(d.suffix).\(part)"]?.range.lowerBound }
    guard let weight = start("weight") else { return nil }
    let columns = isCell ? d.hidden : d.columns
    let second = (cell.normGroups.count - 1) * d.hidden
    return NormRegions(
      weight: weight, bias: start("bias"), first: columns - second, second: second,
      x: x ?? buffer("\(name)_x\(d.suffix)", room * columns),
      deviation: buffer("\(name)_deviation\(d.suffix)", room * 2),
      dx: buffer("\(name)_dx\(d.suffix)", room * columns))
  }

  // MARK: Masks

  /// Draws the batch's masks; in evaluation zoneout mixes by its probability and nothing is dropped.
  mutating func drawMasks(_ s: StepwiseDirection) {
    let (d, zoneout) = (s.d, network.zoneout)
    if let mask = s.recurrentMask {
      let p = network.recurrentDropout
      // One mask for all steps of a sample.
      draw(.recurrent, d, mask, p, dropped: 0, kept: 1 / (1 - p), steps: 1, width: d.width)
    }
    for (kind, zone, p, width) in [
      (LayerMask.hiddenZone, s.hiddenZone, zoneout.hidden, d.width),
      (.cellZone, s.cellZone, zoneout.cell, d.hidden),
    ] {
      guard let zone else { continue }
      // A dropped unit is one that keeps its old state.
      draw(
        kind, d, zone, trains ? p : 0, dropped: 1, kept: trains ? 0 : p, steps: steps, width: width)
    }
  }

  private mutating func draw(
    _ kind: LayerMask, _ d: Direction, _ mask: Region, _ probability: Float, dropped: Float, kept: Float,
    steps: Int, width: Int
  ) {
    let number = d.layer * network.directions + (d.reverse ? 1 : 0)
    each(
      steps * batch * ((width + 3) / 4),
      .drawMask(
        y: mask, control: place(.control), samples: place(.samples), layer: kind.rawValue + UInt32(number),
        threshold: threshold(probability), dropped: dropped, kept: kept, steps: steps, batch: batch,
        width: width))
  }

  // MARK: Layer norm

  /// - y: gets (or adds) the result, but for a second group that goes `aside`.
  mutating func normalize(
    _ norm: NormRegions, _ from: Region, row: Int, rows: Int, to y: Region, adds: Bool, aside: Region? = nil
  ) {
    launch(
      .normForward(
        from: from, x: norm.x.advanced(row * norm.columns),
        deviation: norm.deviation.advanced(row * norm.groups), alpha: parameter(norm.weight),
        beta: norm.bias.map(parameter), y: y, adding: adds.flag, other: aside, first: norm.first,
        second: norm.second, rows: rows),
      grid: norm.blocks(rows))
  }

  mutating func normalizeBack(_ norm: NormRegions, _ dy: Region, row: Int, rows: Int) {
    launch(
      .normBackward(
        dy: dy, x: norm.x.advanced(row * norm.columns), deviation: norm.deviation.advanced(row * norm.groups),
        alpha: parameter(norm.weight), dx: norm.dx.advanced(row * norm.columns), first: norm.first,
        second: norm.second, rows: rows),
      grid: norm.blocks(rows))
  }

  /// Of α and β, over all rows.
  mutating func normGradients(_ norm: NormRegions, _ dy: Region) {
    launch(
      .normGradients(
        dy: dy, x: norm.x, alpha: gradient(norm.weight), beta: norm.bias.map(gradient), rows: steps * batch,
        columns: norm.columns),
      grid: (norm.columns + 31) / 32, shared: 2 * 256 * 4)
  }
}
