import Batches
import CKernels
import Kernels

/// One direction of one recurrent layer, one step after the other: for what the fused time loop of `RecurrentLayer` does not
/// have, which is projection, layer norm, recurrent dropout, zoneout, and cells that PyTorch lacks.
///
/// N rows of all steps, G gates, H units of the cell padded to Hp, P outputs padded to Pp (P = H without projection). A row of
/// gates is G blocks of Hp in PyTorch's order. Rows don't depend on one another: threads share them, with the same bits.
final class StepwiseLayer: TimeLayer {
  let kind: Network.Cell
  let cell: CellDescription
  let relu: Bool
  let sizes: LayerSizes
  let kernels: KernelSet
  let team: Team
  let reverse: Bool
  let options: Regularization
  let ranges: Ranges

  let input: PackedWeight
  /// Of all gates, but for one that reads h after another gate: that one has a product of its own.
  let recurrent: PackedWeight
  let gatedRecurrent: PackedWeight?
  /// LSTM: h = W_hr·(o·tanh c).
  let projection: PackedWeight?
  let inputNorm: LayerNorm?
  let recurrentNorm: LayerNorm?
  let cellNorm: LayerNorm?
  let inputBias: PaddedBias?
  let recurrentBias: PaddedBias?
  let peepholes: PaddedBias?

  // Kept for backward, N rows each.
  /// Activated gates, then their gradients; with layer norm these take the place of what was normalized.
  var gates = FloatBuffer(0)
  /// What the recurrent product gave, then its gradients; of one step only (B rows) where nobody reads it again.
  var products = FloatBuffer(0)
  /// h of the step before as the recurrent product saw it, `[N, Pp]`.
  var seen = FloatBuffer(0)
  /// A gate that reads h after another gate: what its product read, `[N, Hp]`.
  var gatedSeen = FloatBuffer(0)
  /// LSTM: c after zoneout, with layer norm also before it; and tanh of the (normalized) c before it.
  var cells = FloatBuffer(0)
  var freshCells = FloatBuffer(0)
  var squashed = FloatBuffer(0)
  /// The cell's own output before projection and zoneout, `[N, Hp]`; of one step only where backward doesn't read it.
  var wide = FloatBuffer(0)
  /// Layer norm: what the input product gave, then its gradients; and the moments of each norm's rows.
  var inputProducts = FloatBuffer(0)
  var inputMoments = FloatBuffer(0)
  var recurrentMoments = FloatBuffer(0)
  var cellMoments = FloatBuffer(0)
  /// Masks: `[B, Pp]` of the recurrent product's input; `[N, Pp]` and `[N, Hp]` the units that keep their state of the step before.
  var recurrentMask = FloatBuffer(0)
  var hiddenZone = GrowingArray<UInt8>()
  var cellZone = GrowingArray<UInt8>()

  /// A step's outputs after the projection, `[B, Pp]`.
  var narrow = FloatBuffer(0)

  // Scratch of backward.
  /// Gradients of outputs, `[N, Pp]`; of one step only without projection.
  var dNarrow = FloatBuffer(0)
  var dWide = FloatBuffer(0)
  var dHidden = FloatBuffer(0)
  var dBefore = FloatBuffer(0)
  var dCell = FloatBuffer(0)
  /// Of what the product of a gate after another one read, `[B, Hp]`; of each row's peepholes, `[N, 3·Hp]`.
  var dGatedSeen = FloatBuffer(0)
  var dPeepholes = FloatBuffer(0)
  /// Gradients of one row of gates for each thread.
  var dGates = FloatBuffer(0)

  struct Regularization {
    var recurrentDropout: Float
    var zoneout: Network.Zoneout
    /// Keys this layer's masks, and only its.
    var number: UInt32
  }

  /// Where this layer's parameters lie in the flat buffer; nil for those it does not have.
  struct Ranges {
    var inputWeight: Int
    var recurrentWeight: Int
    var inputBias: Int?
    var recurrentBias: Int?
    var projection: Int?
    var peepholes: Int?
    var inputNorm: NormOffsets?
    var recurrentNorm: NormOffsets?
    var cellNorm: NormOffsets?
    /// All of them lie one after the other.
    var all: Range<Int>

    struct NormOffsets {
      var weight: Int
      var bias: Int?
    }

    init(_ place: LayerPosition, _ layout: ParameterLayout) {
      func start(_ name: String, _ part: String = "") -> Int? {
        layout[place.name(name) + part]?.range.lowerBound
      }
      func norm(_ name: String) -> NormOffsets? {
        start(name, ".weight").map { NormOffsets(weight: $0, bias: start(name, ".bias")) }
      }
      inputWeight = start("weight_ih")!
      recurrentWeight = start("weight_hh")!
      (inputBias, recurrentBias) = (start("bias_ih"), start("bias_hh"))
      (projection, peepholes) = (start("weight_hr"), start("peephole"))
      (inputNorm, recurrentNorm, cellNorm) = (norm("norm_ih"), norm("norm_hh"), norm("norm_c"))
      let norms = ["norm_ih", "norm_hh", "norm_c"].map { place.name($0) }
      all = layout.span(
        of: ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole", "weight_hr"].map { place.name($0) }
          + norms.flatMap { [$0 + ".weight", $0 + ".bias"] })
    }
  }

  init(
    _ a: Network, _ sizes: LayerSizes, _ place: LayerPosition, _ layout: ParameterLayout,
    _ products: Products
  ) {
    let kernels = products.kernels
    kind = a.cell
    cell = CellDescription(a)
    relu = a.nonlinearity == .relu
    self.sizes = sizes
    self.kernels = kernels
    team = products.team
    reverse = place.isReverse
    ranges = Ranges(place, layout)
    options = Regularization(
      recurrentDropout: a.recurrentDropout, zoneout: a.zoneout,
      number: UInt32(place.layer * a.directions + place.direction))
    let (hidden, units) = (sizes.hidden, sizes.cellUnits)
    let rows = IndexMap(order: Array(cell.gates.indices), width: hidden, padded: units)
    let outputs = IndexMap(order: [0], width: sizes.width, padded: sizes.units)
    let block = place.inputWidth / place.inputBlocks
    // The data come as they are; what a layer below computed is padded.
    let inputs = IndexMap(
      order: Array(0..<place.inputBlocks), width: block,
      padded: place.layer > 0 ? kernels.padded(block) : block)
    // Rows that are normalized are projected a few at a time.
    input = PackedWeight(
      ranges.inputWeight, rows, inputs, width: place.inputWidth, products,
      stepwise: ranges.inputNorm == nil ? [] : [.forward])
    let ownGates = IndexMap(
      order: Array(0..<(cell.gatedState?.gate ?? cell.gates.count)), width: hidden, padded: units)
    recurrent = PackedWeight(
      ranges.recurrentWeight, ownGates, outputs, width: sizes.width, products, stepwise: [.forward, .back])
    gatedRecurrent = cell.gatedState.map { [ranges] in
      PackedWeight(
        ranges.recurrentWeight + $0.gate * hidden * sizes.width,
        IndexMap(order: [0], width: hidden, padded: units), outputs, width: sizes.width, products,
        stepwise: [.forward, .back])
    }
    let wide = IndexMap(order: [0], width: hidden, padded: units)
    projection = ranges.projection.map {
      PackedWeight($0, outputs, wide, width: hidden, products, stepwise: [.forward, .back])
    }
    let groups = cell.normGroups
    func norm(_ range: Ranges.NormOffsets?, _ groups: [Range<Int>], twin: LayerNorm? = nil) -> LayerNorm? {
      range.map {
        LayerNorm(
          weight: $0.weight, bias: $0.bias, groups: groups, hidden: hidden, units: units, twin: twin, kernels)
      }
    }
    inputNorm = norm(ranges.inputNorm, groups)
    // The gates add up both, but for a gated product.
    recurrentNorm = norm(ranges.recurrentNorm, groups, twin: cell.gatedProduct == nil ? inputNorm : nil)
    cellNorm = norm(ranges.cellNorm, [0..<1])
    inputBias = ranges.inputBias.map { PaddedBias($0, rows) }
    recurrentBias = ranges.recurrentBias.map { PaddedBias($0, rows) }
    let blocks = Array(0..<(cell.peepholes?.count ?? 0))
    peepholes = ranges.peepholes.map {
      PaddedBias($0, IndexMap(order: blocks, width: hidden, padded: units))
    }
  }

  /// Columns of a row of gates.
  var gateWidth: Int { cell.gates.count * sizes.cellUnits }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    for weight in [input, recurrent, gatedRecurrent, projection] {
      weight?.pack(parameters, forBackward: forBackward)
    }
    for norm in [inputNorm, recurrentNorm, cellNorm] { norm?.pack(parameters) }
    for bias in [inputBias, recurrentBias, peepholes] { bias?.pack(parameters) }
  }

  /// Whether backward reads what the recurrent product gave.
  var keepsProducts: Bool { cell.gatedProduct != nil || recurrentNorm != nil }
  /// Whether backward reads the cell's own output.
  var keepsWide: Bool { cell.outputIsGate || projection != nil }

  func prepare(_ rows: BatchRows) {
    let (count, batch) = (rows.count, rows.batch)
    let (gateWidth, cellUnits, units) = (gateWidth, sizes.cellUnits, sizes.units)
    gates.reserve(count * gateWidth)
    products.reserve((keepsProducts ? count : batch) * gateWidth)
    seen.reserve(count * units)
    wide.reserve((keepsWide ? count : batch) * cellUnits)
    if projection != nil { narrow.reserve(batch * units) }
    if gatedRecurrent != nil { gatedSeen.reserve(count * units) }
    if cell.hasCellState {
      cells.reserve(count * cellUnits)
      squashed.reserve(count * cellUnits)
    }
    if let inputNorm, let recurrentNorm {
      inputProducts.reserve(count * gateWidth)
      inputMoments.reserve(count * inputNorm.moments)
      recurrentMoments.reserve(count * recurrentNorm.moments)
    }
    if let cellNorm {
      cellMoments.reserve(count * cellNorm.moments)
      if options.zoneout.cell > 0 { freshCells.reserve(count * cellUnits) }
    }
    if options.recurrentDropout > 0 { recurrentMask.reserve(batch * units) }
    if options.zoneout.hidden > 0 { hiddenZone.reserve(count * units) }
    if options.zoneout.cell > 0 { cellZone.reserve(count * cellUnits) }
    dHidden.reserve(batch * units)
    dCell.reserve(batch * cellUnits)
  }

  /// Room that only backward needs.
  func prepareBackward(_ rows: BatchRows, parts: Int) {
    for norm in [inputNorm, recurrentNorm, cellNorm] { norm?.prepareBackward(parts: parts) }
    if inputNorm != nil { dGates.reserve(team.count * rowGradients) }
    dNarrow.reserve((projection == nil ? rows.batch : rows.count) * sizes.units)
    dWide.reserve(rows.batch * sizes.cellUnits)
    dBefore.reserve(rows.batch * sizes.units)
    if gatedRecurrent != nil { dGatedSeen.reserve(rows.batch * sizes.cellUnits) }
    if let peepholes = cell.peepholes { dPeepholes.reserve(rows.count * peepholes.count * sizes.cellUnits) }
  }

  /// Gradients of a row of gates with layer norm: those of each norm's rows that are not another's too.
  var rowGradients: Int {
    let norms = cell.gatedProduct == nil ? 1 : 2
    return (norms * cell.gates.count + (cell.hasCellState ? 1 : 0)) * sizes.cellUnits
  }

  var initialGradients: (hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>) {
    (UnsafePointer(dHidden.base), UnsafePointer(dCell.base))
  }
  var cellStates: UnsafePointer<Float> { UnsafePointer(cells.base) }
}
