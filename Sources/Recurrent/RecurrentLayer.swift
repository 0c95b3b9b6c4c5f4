import Batches
import CKernels
import Kernels

/// One direction of one recurrent layer: project all steps at once, loop over what is recurrent; backward mirrors it.
///
/// T steps, B rows, H hidden units padded to Hp, I input columns padded to Ip (padding is zero and stays zero).
final class RecurrentLayer {
  let cell: CellDescription
  let relu: Bool
  let kernels: KernelSet
  let team: Team
  let reverse: Bool
  let hidden: Int
  let units: Int
  /// Columns of the input parameter (I), before padding.
  let inputWidth: Int
  let inputRows: IndexMap
  let inputColumns: IndexMap
  let recurrentRows: IndexMap
  let recurrentColumns: IndexMap
  let ranges: ParameterRanges

  // Packed once per optimizer step.
  let inputParts: [InputPart]
  let needsInputGradient: Bool
  /// Whether units are stored as they are where other numbers of them are padded.
  let isUnpadded: Bool
  /// Whether the time loop multiplies the input too: of units that are not padded, where inputs are few.
  let projectsInLoop: Bool
  private let inputPacked: FloatBuffer
  /// So many inputs' weights stay in first-level cache beside a tile's rows.
  private static let widestInLoop = 64
  /// Of the recurrent weight's gradient.
  let recurrentProduct: ProductWeight
  private let recurrentPacked: FloatBuffer
  private let recurrentPackedBack: FloatBuffer
  let bias: FloatBuffer
  private let biasM: FloatBuffer

  // Kept for backward: gates (activated, then their gradients) and cell states.
  var gates = FloatBuffer(0)
  private var cells = FloatBuffer(0)
  // Scratch.
  var dHidden = FloatBuffer(0)
  var dCell = FloatBuffer(0)
  /// Gradients of a weight as stored, where the parameter's order is another.
  var stored = FloatBuffer(0)
  /// Rows rounded to bfloat16.
  private var low = FloatBuffer(0)
  var padded: FloatBuffer
  /// Of each row of gates, the outputs of the step before: only where lengths differ.
  var before = FloatBuffer(0)

  /// Where this layer's parameters lie in the flat buffer.
  struct ParameterRanges {
    var inputWeight: Int
    var recurrentWeight: Int
    /// nil without bias.
    var inputBias: Int?
    var recurrentBias: Int?
    /// All of them lie one after the other.
    var all: Range<Int>
  }

  init(
    _ network: Network, _ sizes: LayerSizes, _ place: LayerPosition, _ layout: ParameterLayout,
    _ products: Products
  ) {
    cell = CellDescription(network.cell)
    relu = network.nonlinearity == .relu
    kernels = products.kernels
    team = products.team
    reverse = place.isReverse
    func start(_ name: String) -> Int? { layout[place.name(name)]?.range.lowerBound }
    ranges = ParameterRanges(
      inputWeight: start("weight_ih")!, recurrentWeight: start("weight_hh")!, inputBias: start("bias_ih"),
      recurrentBias: start("bias_hh"),
      all: layout.span(of: ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map { place.name($0) }))
    let (inputWidth, inputBlocks) = (place.inputWidth, place.inputBlocks)
    self.inputWidth = inputWidth
    hidden = sizes.hidden
    units = sizes.units
    inputRows = IndexMap(order: cell.inputOrder, width: hidden, padded: units)
    recurrentRows = IndexMap(order: cell.recurrentOrder, width: hidden, padded: units)
    recurrentColumns = IndexMap(order: [0], width: hidden, padded: units)
    let blockWidth = inputWidth / inputBlocks
    // The data come as they are; what a layer below computed is padded.
    inputColumns = IndexMap(
      order: Array(0..<inputBlocks), width: blockWidth,
      padded: place.layer > 0 ? LayerSizes.stored(blockWidth, network, kernels) : blockWidth)
    let f = kernels.functions
    isUnpadded = units < kernels.padded(hidden)
    projectsInLoop =
      isUnpadded && inputColumns.isIdentity && inputColumns.count <= Self.widestInLoop
      && place.folded.isEmpty
    inputPacked = FloatBuffer(projectsInLoop ? inputRows.count * inputColumns.count : 0)
    needsInputGradient = place.needsInputGradient
    inputParts =
      place.folded.isEmpty
      ? [InputPart(inputRows, inputColumns, needsGradient: needsInputGradient, products)]
      : place.folded.enumerated().map { [inputRows] part, columns in
        // The data want no gradient.
        InputPart(inputRows, columns, needsGradient: part > 0, products)
      }
    recurrentProduct = products.weight(
      outputs: recurrentRows.count, inputs: recurrentColumns.count, [.gradient])
    recurrentPacked = FloatBuffer(f.packed_recurrent_size(cell.gates.count, hidden))
    recurrentPackedBack = FloatBuffer(f.packed_recurrent_size(cell.gates.count, hidden))
    bias = FloatBuffer(cell.slots * units)
    biasM = FloatBuffer(units)
    padded = FloatBuffer(cell.slots * units)
  }

  /// From one row of stored gates to the next. Rows a multiple of 1 KiB apart would fall into the same cache sets.
  var gateStride: Int { cell.slots * units % 256 == 0 ? cell.slots * units + 16 : cell.slots * units }

  /// Makes the packed copies of the weights anew.
  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    let f = kernels.functions
    let recurrent = parameters + ranges.recurrentWeight
    for part in inputParts {
      part.product.pack(
        parameters + ranges.inputWeight + part.first, stride: inputWidth, forBackward: forBackward,
        forwardLater: projectsInLoop)
    }
    if projectsInLoop { f.pack_input(parameters + ranges.inputWeight, inputWidth, inputPacked.base) }
    f.pack_recurrent(recurrent, cell.gates.count, hidden, recurrentPacked.base)
    if let inputBias = ranges.inputBias, let recurrentBias = ranges.recurrentBias {
      packBias(parameters + inputBias, parameters + recurrentBias)
    }
    guard forBackward else { return }
    f.pack_recurrent_back(recurrent, cell.gates.count, hidden, recurrentPackedBack.base)
  }

  /// Biases that are only ever added to each other are merged; that of a gated product, GRU's b_hn, is not.
  private func packBias(_ input: UnsafePointer<Float>, _ recurrent: UnsafePointer<Float>) {
    bias.base.update(repeating: 0, count: bias.count)
    inputRows.gatherAdd(input, to: bias.base)
    guard let gated = cell.gatedProduct else { return recurrentRows.gatherAdd(recurrent, to: bias.base) }
    for (block, gate) in cell.inputOrder.enumerated() {
      let from = recurrent + gate * hidden
      if gate == gated.gate {
        biasM.base.update(from: from, count: hidden)
      } else {
        for unit in 0..<hidden { bias.base[block * units + unit] += from[unit] }
      }
    }
  }

  /// Makes room for a batch of this size.
  func prepare(_ rows: BatchRows) {
    gates.reserve(rows.count * gateStride)
    if cell.hasCellState { cells.reserve(rows.count * units) }
    dHidden.reserve(rows.batch * units)
    dCell.reserve(rows.batch * units)
    if kernels.isBF16 { low.reserve(rows.batch * gateStride) }
  }

  /// One batch as it lies in memory.
  struct LayerPass {
    var rows: BatchRows
    /// `[T, B, inputStride]`
    var input: UnsafePointer<Float>
    var inputStride: Int
    /// Where there are some, they take the place of `input`, or stand after the numbers in it.
    var vocabularies: [ProjectedTable] = []
    /// `[T, B, outputStride]`; this direction's columns begin here.
    var output: UnsafeMutablePointer<Float>
    var outputStride: Int
    /// `[B, Hp]`, or nil for zero.
    var h0: UnsafePointer<Float>?
    var c0: UnsafePointer<Float>?
    /// Whether backward will follow.
    var keep: Bool
    /// nil in evaluation.
    var key: MaskKey?
  }

  func layer(_ pass: LayerPass) -> rk_layer {
    let projects = projects(pass)
    return rk_layer(
      steps: pass.rows.steps, batch: pass.rows.batch, hidden: hidden, units: units, first_row: 0,
      last_row: pass.rows.batch, offsets: pass.rows.offsets, reverse: reverse ? 1 : 0,
      keep: pass.keep ? 1 : 0, want_initial: 0, weights: recurrentPacked.base,
      weights_back: recurrentPackedBack.base, bias_m: biasM.base, gate_stride: gateStride, gates: gates.base,
      cells: cells.base,
      outputs: pass.output, output_stride: pass.outputStride, h0: pass.h0, c0: pass.c0, d_outputs: nil,
      d_output_stride: 0, d_hidden: dHidden.base, d_cell: dCell.base, low: low.base,
      inputs: projects ? pass.input : nil, input_stride: pass.inputStride, input_width: inputColumns.count,
      input_weights: inputPacked.base, bias: bias.base)
  }

  /// Whether the time loop multiplies the input of this batch.
  func projects(_ pass: LayerPass) -> Bool { projectsInLoop && pass.vocabularies.isEmpty }

  /// Fills `pass.output` with h for every step.
  ///
  /// Threads share rows, of all steps for the projection and of the batch for the time loop: rows don't depend on one another,
  /// so the bits are the same for any number of threads.
  func forward(_ pass: LayerPass) {
    let projects = projects(pass)
    if !projects, pass.goesInParts(gateStride) { return forwardInParts(pass) }
    let f = kernels.functions
    if !projects, hasNumbers(pass) {
      project(
        pass.input, stride: pass.inputStride, rows: pass.rows.count, inputParts[0], bias.base, to: gates.base)
    }
    if !pass.vocabularies.isEmpty { project(pass.vocabularies, pass) }
    let inputs = projects ? pass.rows.count * inputRows.count * inputColumns.count : 0
    team.run(.recurrence, operations: loopOperations(pass) + inputs) { share in
      var layer = layer(pass)
      (layer.first_row, layer.last_row) = bounds(pass.rows, share)
      cell.kernels!.forward(f, &layer, relu)
    }
  }

  /// Whether `input` is read: not where all there is are codes.
  func hasNumbers(_ pass: LayerPass) -> Bool {
    pass.vocabularies.isEmpty || inputParts.count > 1 && inputParts[0].columns.count > 0
  }

  /// The part of the input's columns that a vocabulary is.
  func part(_ vocabulary: Int) -> InputPart {
    inputParts.count > 1 ? inputParts[vocabulary + 1] : inputParts[0]
  }

  func project(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, _ columns: InputPart,
    _ bias: UnsafePointer<Float>?, to gates: UnsafeMutablePointer<Float>
  ) {
    columns.product.forward(
      input, stride: stride, rows: rows, bias: bias, to: gates, stride: gateStride, .projection)
  }

  /// Projects each code once, and gives every row the sum of its codes' gates, on top of its numbers'.
  private func project(_ vocabularies: [ProjectedTable], _ pass: LayerPass) {
    let adds = hasNumbers(pass)
    for (index, vocabulary) in vocabularies.enumerated() {
      let part = part(index)
      part.codeGates.reserve(vocabulary.count * gateStride)
      project(
        vocabulary.vectors, stride: vocabulary.columns.count, rows: vocabulary.count, part,
        adds || index > 0 ? nil : bias.base, to: part.codeGates.base)
    }
    let count = inputRows.count
    team.run(.projection, operations: pass.rows.count * count * vocabularies.count) { share in
      for row in share.of(pass.rows.count) {
        let to = gates.base + row * gateStride
        for (index, vocabulary) in vocabularies.enumerated() {
          let from = part(index).codeGates.base + vocabulary.place(row) * gateStride
          if adds || index > 0 {
            for column in 0..<count { to[column] += from[column] }
          } else {
            to.update(from: from, count: count)
          }
        }
      }
    }
  }

  func loopOperations(_ pass: LayerPass) -> Int { pass.rows.count * cell.gates.count * hidden * hidden }
  func bounds(_ rows: BatchRows, _ share: Team.Share) -> (Int, Int) {
    let part = rows.part(of: share.index, among: share.count)
    return (part.lowerBound, part.upperBound)
  }

  /// The cell states `[T, B, Hp]` (LSTM).
  var cellStates: UnsafePointer<Float> { UnsafePointer(cells.base) }
}

/// Columns of a layer's input that are multiplied by themselves: all of them, or numbers and each table of categories.
final class InputPart {
  /// The first of them in the parameter.
  let first: Int
  let columns: IndexMap
  let product: ProductWeight
  /// Gates of each code, then their gradients `[V, gateStride]`.
  var codeGates = FloatBuffer(0)
  /// Gradients of the vectors of some codes.
  var dVectors = FloatBuffer(0)

  init(_ rows: IndexMap, _ columns: IndexMap, first: Int = 0, needsGradient: Bool, _ products: Products) {
    (self.first, self.columns) = (first, columns)
    product = products.weight(
      outputs: rows.count, inputs: columns.count, rowTable: rows.table, columnTable: columns.table,
      needsGradient ? [.forward, .back, .gradient] : [.forward, .gradient])
  }

  convenience init(_ rows: IndexMap, _ columns: Range<Int>, needsGradient: Bool, _ products: Products) {
    let map = IndexMap(order: [0], width: columns.count, padded: columns.count)
    self.init(rows, map, first: columns.lowerBound, needsGradient: needsGradient, products)
  }
}
