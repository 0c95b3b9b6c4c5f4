import Batches
import CKernels
import Kernels

/// One direction of one recurrent layer: project all steps at once, loop over what is recurrent; backward mirrors it.
///
/// T steps, B rows, H hidden units padded to Hp, I input columns padded to Ip (padding is zero and stays zero).
final class RecurrentLayer {
  let kind: CellKind
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
  private let inputPacked: FloatBuffer
  let inputPackedBack: FloatBuffer
  let needsInputGradient: Bool
  private let recurrentPacked: FloatBuffer
  private let recurrentPackedBack: FloatBuffer
  private let bias: FloatBuffer
  private let biasM: FloatBuffer

  // Kept for backward: gates (activated, then their gradients) and cell states.
  var gates = FloatBuffer(0)
  private var cells = FloatBuffer(0)
  // Scratch.
  var dHidden = FloatBuffer(0)
  var dCell = FloatBuffer(0)
  var scratch = FloatBuffer(0)
  /// Rows rounded to bfloat16.
  private var low = FloatBuffer(0)
  var padded: FloatBuffer
  /// Of each row of gates, the outputs of the step before: only where lengths differ.
  var before = FloatBuffer(0)
  /// Gates of each token of a vocabulary, then their gradients `[V, gateStride]`.
  var tokenGates = FloatBuffer(0)

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
    _ architecture: Architecture, _ sizes: LayerSizes, _ place: LayerPlace, _ layout: ParameterLayout,
    _ kernels: KernelSet, _ team: Team
  ) {
    kind = CellKind(architecture)
    self.kernels = kernels
    self.team = team
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
    inputRows = IndexMap(order: kind.inputOrder, width: hidden, padded: units)
    recurrentRows = IndexMap(order: kind.recurrentOrder, width: hidden, padded: units)
    recurrentColumns = IndexMap(order: [0], width: hidden, padded: units)
    let blockWidth = inputWidth / inputBlocks
    // The data come as they are; what a layer below computed is padded.
    inputColumns = IndexMap(
      order: Array(0..<inputBlocks), width: blockWidth,
      padded: place.layer > 0 ? kernels.padded(blockWidth) : blockWidth)
    let f = kernels.functions
    inputPacked = FloatBuffer(f.packed_size(inputRows.count, inputColumns.count))
    needsInputGradient = place.needsInputGradient
    inputPackedBack = FloatBuffer(needsInputGradient ? f.packed_size(inputColumns.count, inputRows.count) : 0)
    recurrentPacked = FloatBuffer(f.packed_recurrent_size(kind.gates, hidden))
    recurrentPackedBack = FloatBuffer(f.packed_recurrent_size(kind.gates, hidden))
    bias = FloatBuffer(kind.slots * units)
    biasM = FloatBuffer(units)
    padded = FloatBuffer(kind.slots * units)
  }

  /// From one row of stored gates to the next. Rows a multiple of 1 KiB apart would fall into the same cache sets.
  var gateStride: Int { kind.slots * units % 256 == 0 ? kind.slots * units + 16 : kind.slots * units }

  /// Makes the packed copies of the weights anew.
  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    let f = kernels.functions
    let weight = parameters + ranges.inputWeight
    let recurrent = parameters + ranges.recurrentWeight
    f.pack_transposed(
      weight, inputWidth, inputRows.table, inputRows.count, inputColumns.table, inputColumns.count,
      inputPacked.base)
    f.pack_recurrent(recurrent, kind.gates, hidden, recurrentPacked.base)
    if let inputBias = ranges.inputBias, let recurrentBias = ranges.recurrentBias {
      packBias(parameters + inputBias, parameters + recurrentBias)
    }
    guard forBackward else { return }
    f.pack_recurrent_back(recurrent, kind.gates, hidden, recurrentPackedBack.base)
    if needsInputGradient {
      f.pack(
        weight, inputWidth, inputRows.table, inputRows.count, inputColumns.table, inputColumns.count,
        inputPackedBack.base)
    }
  }

  /// Biases that are only ever added to each other are merged; the GRU's b_hn lies inside the reset product and is not.
  private func packBias(_ input: UnsafePointer<Float>, _ recurrent: UnsafePointer<Float>) {
    bias.base.update(repeating: 0, count: bias.count)
    inputRows.gatherAdd(input, to: bias.base)
    if kind.cell == .gru {
      for unit in 0..<hidden {
        bias.base[units + unit] += recurrent[unit]
        bias.base[2 * units + unit] += recurrent[hidden + unit]
        biasM.base[unit] = recurrent[2 * hidden + unit]
      }
    } else {
      recurrentRows.gatherAdd(recurrent, to: bias.base)
    }
  }

  /// Makes room for a batch of this size.
  func prepare(_ rows: BatchRows) {
    gates.reserve(rows.count * gateStride)
    if kind.hasCellState { cells.reserve(rows.count * units) }
    dHidden.reserve(rows.batch * units)
    dCell.reserve(rows.batch * units)
    if kernels.isBF16 { low.reserve(rows.batch * gateStride) }
  }

  /// Inputs that are tokens of a vocabulary smaller than the batch: each token of it is projected once.
  struct Vocabulary {
    /// `[T, B]`
    var tokens: UnsafePointer<Int32>
    var count: Int
    /// `[count, I]`
    var vectors: UnsafePointer<Float>
    /// Where they lie in the flat buffer.
    var weight: Int
    var parameters: Range<Int>
  }

  /// One batch as it lies in memory.
  struct Pass {
    var rows: BatchRows
    /// `[T, B, inputStride]`
    var input: UnsafePointer<Float>
    var inputStride: Int
    /// Takes the place of `input` where it is given.
    var vocabulary: Vocabulary?
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

  func layer(_ pass: Pass) -> rk_layer {
    rk_layer(
      steps: pass.rows.steps, batch: pass.rows.batch, hidden: hidden, units: units, first_row: 0,
      last_row: pass.rows.batch, offsets: pass.rows.offsets, reverse: reverse ? 1 : 0,
      keep: pass.keep ? 1 : 0, want_initial: 0, weights: recurrentPacked.base,
      weights_back: recurrentPackedBack.base, bias_m: biasM.base, gate_stride: gateStride, gates: gates.base,
      cells: cells.base,
      outputs: pass.output, output_stride: pass.outputStride, h0: pass.h0, c0: pass.c0, d_outputs: nil,
      d_output_stride: 0, d_hidden: dHidden.base, d_cell: dCell.base, low: low.base)
  }

  /// Fills `pass.output` with h for every step.
  ///
  /// Threads share rows, of all steps for the projection and of the batch for the time loop: rows don't depend on one another,
  /// so the bits are the same for any number of threads.
  func forward(_ pass: Pass) {
    let f = kernels.functions
    if let vocabulary = pass.vocabulary {
      project(vocabulary, rows: pass.rows.count)
    } else {
      project(pass.input, stride: pass.inputStride, rows: pass.rows.count, to: gates.base)
    }
    team.run(.recurrence, operations: loopOperations(pass)) { share in
      var layer = layer(pass)
      (layer.first_row, layer.last_row) = bounds(pass.rows, share)
      switch kind.cell {
      case .lstm: f.lstm_forward(&layer)
      case .gru: f.gru_forward(&layer)
      case .rnn, .none: f.rnn_forward(&layer, kind.relu ? 1 : 0)
      }
    }
  }

  private func project(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, to gates: UnsafeMutablePointer<Float>
  ) {
    let f = kernels.functions
    team.run(.projection, operations: rows * inputRows.count * inputColumns.count) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, inputRows.count, inputColumns.count, input + part.lowerBound * stride, stride, 1,
        inputPacked.base, bias.base, gates + part.lowerBound * gateStride, gateStride, 0)
    }
  }

  private func project(_ vocabulary: Vocabulary, rows: Int) {
    tokenGates.reserve(vocabulary.count * gateStride)
    project(vocabulary.vectors, stride: inputWidth, rows: vocabulary.count, to: tokenGates.base)
    team.run(.projection, operations: rows * inputRows.count) { share in
      for row in share.of(rows) {
        let token = Int(vocabulary.tokens[row])
        precondition(token >= 0 && token < vocabulary.count, "token \(token) is not in the vocabulary")
        (gates.base + row * gateStride).update(
          from: tokenGates.base + token * gateStride, count: inputRows.count)
      }
    }
  }

  func loopOperations(_ pass: Pass) -> Int { pass.rows.count * kind.gates * hidden * hidden }
  func bounds(_ rows: BatchRows, _ share: Team.Share) -> (Int, Int) {
    let part = rows.part(of: share.index, among: share.count)
    return (part.lowerBound, part.upperBound)
  }

  /// The cell states `[T, B, Hp]` (LSTM).
  var cellStates: UnsafePointer<Float> { UnsafePointer(cells.base) }
}
