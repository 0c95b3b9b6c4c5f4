// swift-format-ignore-file
// Written by `KernelCallTests` from the kernels' declarations in CCUDA/device, and compared with them. After a change there:
//   RECUR_WRITE_KERNELS=1 swift test --filter KernelCallTests
import CCUDA

extension StepProgram {
  /// A kernel and what it is called with. Only the functions below make one: names, number, order and types are the header's.
  public struct Call: Sendable, Equatable {
    public let kernel: String
    public let arguments: [Argument]

    fileprivate init(_ kernel: String, _ arguments: [Argument]) {
      (self.kernel, self.arguments) = (kernel, arguments)
    }
  }
}

extension StepProgram.Call {
  typealias Region = StepProgram.Region
  enum KernelCell: String { case gru, lstm, rnn }
  enum Pass: String { case backward, forward }

  /// A struct in words of eight bytes, the last filled with zeros.
  private static func words<Value: BitwiseCopyable>(of value: Value) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: (MemoryLayout<Value>.size + 7) / 8)
    words.withUnsafeMutableBytes { $0.storeBytes(of: value, as: Value.self) }
    return words
  }

  static func activate(
    x: Region, y: Region, bias: Region?, rows: Int, width: Int, kind: Int
  ) -> Self {
    Self(
      "activate",
      [
        .region(x), .region(y), .region(bias), .long(Int64(rows)), .int(Int32(width)),
        .int(Int32(kind))
      ])
  }

  static func activateBackward(
    y: Region, dy: Region, dx: Region, count: Int, kind: Int
  ) -> Self {
    Self(
      "activate_backward",
      [
        .region(y), .region(dy), .region(dx), .long(Int64(count)), .int(Int32(kind))
      ])
  }

  static func adam(
    parameters: Region, gradients: Region, mean: Region, square: Region, c: Region, outcome: Region,
    count: Int
  ) -> Self {
    Self(
      "adam",
      [
        .region(parameters), .region(gradients), .region(mean), .region(square), .region(c),
        .region(outcome), .long(Int64(count))
      ])
  }

  static func add(
    x: Region, other: Region, y: Region, count: Int
  ) -> Self {
    Self(
      "add",
      [
        .region(x), .region(other), .region(y), .long(Int64(count))
      ])
  }

  static func applyZoneout(
    x: Region, before: Region?, stride: Int, initial: Region?, initialStride: Int, zone: Region,
    h: Region, hStride: Int, lengths: Region?, time: Int, reverse: Int, batch: Int, width: Int
  ) -> Self {
    Self(
      "apply_zoneout",
      [
        .region(x), .region(before), .int(Int32(stride)), .region(initial),
        .int(Int32(initialStride)), .region(zone), .region(h), .int(Int32(hStride)),
        .region(lengths), .int(Int32(time)), .int(Int32(reverse)), .int(Int32(batch)),
        .int(Int32(width))
      ])
  }

  static func applyZoneoutBack(
    dOut: Region, dStride: Int, zone: Region?, carried: Region, own: Region, start: Int,
    lengths: Region?, time: Int, reverse: Int, batch: Int, width: Int
  ) -> Self {
    Self(
      "apply_zoneout_back",
      [
        .region(dOut), .int(Int32(dStride)), .region(zone), .region(carried), .region(own),
        .int(Int32(start)), .region(lengths), .int(Int32(time)), .int(Int32(reverse)),
        .int(Int32(batch)), .int(Int32(width))
      ])
  }

  static func cluster(
    _ pass: Pass, gates0: Region?, recurrent0: Region?, weight0: Region?, biasInput0: Region?,
    biasRecurrent0: Region?, cells0: Region?, h0: Region?, dOut0: Region?, gates1: Region?,
    recurrent1: Region?, weight1: Region?, biasInput1: Region?, biasRecurrent1: Region?,
    cells1: Region?, h1: Region?, dOut1: Region?, stride: Int, steps: Int, batch: Int, relu: Int,
    lengths: Region?, firstH: Region?, firstC: Region?
  ) -> Self {
    Self(
      "cluster_\(pass)",
      [
        .region(gates0), .region(recurrent0), .region(weight0), .region(biasInput0),
        .region(biasRecurrent0), .region(cells0), .region(h0), .region(dOut0), .region(gates1),
        .region(recurrent1), .region(weight1), .region(biasInput1), .region(biasRecurrent1),
        .region(cells1), .region(h1), .region(dOut1), .int(Int32(stride)), .int(Int32(steps)),
        .int(Int32(batch)), .int(Int32(relu)), .region(lengths), .region(firstH), .region(firstC)
      ])
  }

  static func columnSums(
    x: Region, first: Region, second: Region?, rows: Int, columns: Int
  ) -> Self {
    Self(
      "column_sums",
      [
        .region(x), .region(first), .region(second), .long(Int64(rows)), .int(Int32(columns))
      ])
  }

  static func decide(
    partial: Region, blocks: Int, control: Region, outcome: Region
  ) -> Self {
    Self(
      "decide",
      [
        .region(partial), .int(Int32(blocks)), .region(control), .region(outcome)
      ])
  }

  static func drawMask(
    y: Region, control: Region, samples: Region, layer: UInt32, threshold: UInt64, dropped: Float,
    kept: Float, steps: Int, batch: Int, width: Int
  ) -> Self {
    Self(
      "draw_mask",
      [
        .region(y), .region(control), .region(samples), .unsigned(layer), .unsignedLong(threshold),
        .float(dropped), .float(kept), .int(Int32(steps)), .int(Int32(batch)), .int(Int32(width))
      ])
  }

  static func dropout(
    x: Region, y: Region, control: Region, samples: Region, layer: UInt32, threshold: UInt64,
    scale: Float, steps: Int, batch: Int, blocks: Int, width: Int, locked: Int
  ) -> Self {
    Self(
      "dropout",
      [
        .region(x), .region(y), .region(control), .region(samples), .unsigned(layer),
        .unsignedLong(threshold), .float(scale), .int(Int32(steps)), .int(Int32(batch)),
        .int(Int32(blocks)), .int(Int32(width)), .int(Int32(locked))
      ])
  }

  static func embed(
    weight: Region, tokens: Region, y: Region, rows: Int, width: Int
  ) -> Self {
    Self(
      "embed",
      [
        .region(weight), .region(tokens), .region(y), .long(Int64(rows)), .int(Int32(width))
      ])
  }

  static func embedBackward(
    dy: Region, tokens: Region, gradient: Region, rows: Int, width: Int
  ) -> Self {
    Self(
      "embed_backward",
      [
        .region(dy), .region(tokens), .region(gradient), .int(Int32(rows)), .int(Int32(width))
      ])
  }

  static func follow(
    average: Region, parameters: Region, c: Region, outcome: Region, count: Int
  ) -> Self {
    Self(
      "follow",
      [
        .region(average), .region(parameters), .region(c), .region(outcome), .long(Int64(count))
      ])
  }

  static func gather(
    data: Region, samples: Region, y: Region, steps: Int, batch: Int, width: Int
  ) -> Self {
    Self(
      "gather",
      [
        .region(data), .region(samples), .region(y), .int(Int32(steps)), .int(Int32(batch)),
        .int(Int32(width))
      ])
  }

  static func gruBackward(
    gates: Region, recurrent: Region, hBefore: Region?, hStride: Int, dOut: Region, dStride: Int,
    dHidden: Region, batch: Int, hidden: Int, start: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "gru_backward",
      [
        .region(gates), .region(recurrent), .region(hBefore), .int(Int32(hStride)), .region(dOut),
        .int(Int32(dStride)), .region(dHidden), .int(Int32(batch)), .int(Int32(hidden)),
        .int(Int32(start)), .region(lengths), .int(Int32(time))
      ])
  }

  static func gruForward(
    gates: Region, recurrent: Region, biasInput: Region?, biasRecurrent: Region?, hBefore: Region?,
    h: Region, hStride: Int, batch: Int, hidden: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "gru_forward",
      [
        .region(gates), .region(recurrent), .region(biasInput), .region(biasRecurrent),
        .region(hBefore), .region(h), .int(Int32(hStride)), .int(Int32(batch)), .int(Int32(hidden)),
        .region(lengths), .int(Int32(time))
      ])
  }

  static func fused(
    _ cell: KernelCell, s: fused_shape, mode: Int, resident: Int, controls: Region,
    outcomes: Region, parameters: Region, gradients: Region, first: Region?, second: Region?,
    inputs: Region, values: Region, classes: Region, samples: Region, classWeights: Region?,
    partial: Region, sums: Region, barrier: Region, results: Region
  ) -> Self {
    Self(
      "\(cell)_fused",
      [
        .structure(words(of: s)), .int(Int32(mode)), .int(Int32(resident)), .region(controls),
        .region(outcomes), .region(parameters), .region(gradients), .region(first), .region(second),
        .region(inputs), .region(values), .region(classes), .region(samples), .region(classWeights),
        .region(partial), .region(sums), .region(barrier), .region(results)
      ])
  }

  static func gruStep(
    gates: Region, product: Region?, normed: Region?, biasInput: Region?, biasRecurrent: Region?,
    before: Region?, stride: Int, initial: Region?, initialStride: Int, out: Region, outStride: Int,
    lengths: Region?, time: Int, reverse: Int, batch: Int, hidden: Int
  ) -> Self {
    Self(
      "gru_step",
      [
        .region(gates), .region(product), .region(normed), .region(biasInput),
        .region(biasRecurrent), .region(before), .int(Int32(stride)), .region(initial),
        .int(Int32(initialStride)), .region(out), .int(Int32(outStride)), .region(lengths),
        .int(Int32(time)), .int(Int32(reverse)), .int(Int32(batch)), .int(Int32(hidden))
      ])
  }

  static func gruStepBack(
    gates: Region, m: Region, mStride: Int, dh: Region, before: Region?, stride: Int,
    initial: Region?, initialStride: Int, d: Region, carried: Region, lengths: Region?, time: Int,
    reverse: Int, batch: Int, hidden: Int
  ) -> Self {
    Self(
      "gru_step_back",
      [
        .region(gates), .region(m), .int(Int32(mStride)), .region(dh), .region(before),
        .int(Int32(stride)), .region(initial), .int(Int32(initialStride)), .region(d),
        .region(carried), .region(lengths), .int(Int32(time)), .int(Int32(reverse)),
        .int(Int32(batch)), .int(Int32(hidden))
      ])
  }

  static func walk(
    _ cell: KernelCell, _ pass: Pass, gates0: Region?, recurrent0: Region?, weight0: Region?,
    biasInput0: Region?, biasRecurrent0: Region?, cells0: Region?, h0: Region?, dOut0: Region?,
    gates1: Region?, recurrent1: Region?, weight1: Region?, biasInput1: Region?,
    biasRecurrent1: Region?, cells1: Region?, h1: Region?, dOut1: Region?, stride: Int, steps: Int,
    batch: Int, hidden: Int, rows: Int, relu: Int, lengths: Region?
  ) -> Self {
    Self(
      "\(cell)_walk_\(pass)",
      [
        .region(gates0), .region(recurrent0), .region(weight0), .region(biasInput0),
        .region(biasRecurrent0), .region(cells0), .region(h0), .region(dOut0), .region(gates1),
        .region(recurrent1), .region(weight1), .region(biasInput1), .region(biasRecurrent1),
        .region(cells1), .region(h1), .region(dOut1), .int(Int32(stride)), .int(Int32(steps)),
        .int(Int32(batch)), .int(Int32(hidden)), .int(Int32(rows)), .int(Int32(relu)),
        .region(lengths)
      ])
  }

  static func keepStates(
    x: Region, stride: Int, lengths: Region?, streams: Region, states: Region, statesStride: Int,
    steps: Int, batch: Int, width: Int, reverse: Int
  ) -> Self {
    Self(
      "keep_states",
      [
        .region(x), .int(Int32(stride)), .region(lengths), .region(streams), .region(states),
        .int(Int32(statesStride)), .int(Int32(steps)), .int(Int32(batch)), .int(Int32(width)),
        .int(Int32(reverse))
      ])
  }

  static func lossClasses(
    outputs: Region, classes: Region, weights: Region?, gradient: Region, partial: Region,
    rows: Int, width: Int, ignored: Int, smoothing: Float, weightSum: Float
  ) -> Self {
    Self(
      "loss_classes",
      [
        .region(outputs), .region(classes), .region(weights), .region(gradient), .region(partial),
        .int(Int32(rows)), .int(Int32(width)), .int(Int32(ignored)), .float(smoothing),
        .float(weightSum)
      ])
  }

  static func lossTotal(
    partial: Region, count: Int, outcome: Region
  ) -> Self {
    Self(
      "loss_total",
      [
        .region(partial), .long(Int64(count)), .region(outcome)
      ])
  }

  static func lossValues(
    outputs: Region, values: Region, gradient: Region, partial: Region, count: Int, kind: Int,
    delta: Float, lengths: Region?, batch: Int, width: Int
  ) -> Self {
    Self(
      "loss_values",
      [
        .region(outputs), .region(values), .region(gradient), .region(partial), .long(Int64(count)),
        .int(Int32(kind)), .float(delta), .region(lengths), .int(Int32(batch)), .int(Int32(width))
      ])
  }

  static func lstmBackward(
    gates: Region, cBefore: Region?, c: Region, dOut: Region, dStride: Int, dHidden: Region,
    dCell: Region, batch: Int, hidden: Int, start: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "lstm_backward",
      [
        .region(gates), .region(cBefore), .region(c), .region(dOut), .int(Int32(dStride)),
        .region(dHidden), .region(dCell), .int(Int32(batch)), .int(Int32(hidden)),
        .int(Int32(start)), .region(lengths), .int(Int32(time))
      ])
  }

  static func lstmCells(
    gates: Region, product: Region?, biasInput: Region?, biasRecurrent: Region?, before: Region?,
    stride: Int, initial: Region?, initialStride: Int, c: Region, lengths: Region?, time: Int,
    reverse: Int, batch: Int, hidden: Int
  ) -> Self {
    Self(
      "lstm_cells",
      [
        .region(gates), .region(product), .region(biasInput), .region(biasRecurrent),
        .region(before), .int(Int32(stride)), .region(initial), .int(Int32(initialStride)),
        .region(c), .region(lengths), .int(Int32(time)), .int(Int32(reverse)), .int(Int32(batch)),
        .int(Int32(hidden))
      ])
  }

  static func lstmCellsBack(
    gates: Region, s: Region, dc: Region, before: Region?, stride: Int, initial: Region?,
    initialStride: Int, zone: Region?, start: Int, lengths: Region?, time: Int, reverse: Int,
    batch: Int, hidden: Int
  ) -> Self {
    Self(
      "lstm_cells_back",
      [
        .region(gates), .region(s), .region(dc), .region(before), .int(Int32(stride)),
        .region(initial), .int(Int32(initialStride)), .region(zone), .int(Int32(start)),
        .region(lengths), .int(Int32(time)), .int(Int32(reverse)), .int(Int32(batch)),
        .int(Int32(hidden))
      ])
  }

  static func lstmForward(
    gates: Region, biasInput: Region?, biasRecurrent: Region?, cBefore: Region?, c: Region,
    h: Region, hStride: Int, batch: Int, hidden: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "lstm_forward",
      [
        .region(gates), .region(biasInput), .region(biasRecurrent), .region(cBefore), .region(c),
        .region(h), .int(Int32(hStride)), .int(Int32(batch)), .int(Int32(hidden)), .region(lengths),
        .int(Int32(time))
      ])
  }

  static func lstmOutput(
    gates: Region, read: Region, squashed: Region, before: Region?, stride: Int, initial: Region?,
    initialStride: Int, c: Region, zone: Region?, out: Region, outStride: Int, lengths: Region?,
    time: Int, reverse: Int, batch: Int, hidden: Int
  ) -> Self {
    Self(
      "lstm_output",
      [
        .region(gates), .region(read), .region(squashed), .region(before), .int(Int32(stride)),
        .region(initial), .int(Int32(initialStride)), .region(c), .region(zone), .region(out),
        .int(Int32(outStride)), .region(lengths), .int(Int32(time)), .int(Int32(reverse)),
        .int(Int32(batch)), .int(Int32(hidden))
      ])
  }

  static func lstmOutputBack(
    gates: Region, squashed: Region, dh: Region, lengths: Region?, time: Int, reverse: Int,
    batch: Int, hidden: Int
  ) -> Self {
    Self(
      "lstm_output_back",
      [
        .region(gates), .region(squashed), .region(dh), .region(lengths), .int(Int32(time)),
        .int(Int32(reverse)), .int(Int32(batch)), .int(Int32(hidden))
      ])
  }

  static func maskState(
    before: Region?, stride: Int, initial: Region?, initialStride: Int, mask: Region?, seen: Region,
    lengths: Region?, time: Int, reverse: Int, batch: Int, width: Int
  ) -> Self {
    Self(
      "mask_state",
      [
        .region(before), .int(Int32(stride)), .region(initial), .int(Int32(initialStride)),
        .region(mask), .region(seen), .region(lengths), .int(Int32(time)), .int(Int32(reverse)),
        .int(Int32(batch)), .int(Int32(width))
      ])
  }

  static func maskStateBack(
    d: Region, mask: Region, carried: Region, count: Int
  ) -> Self {
    Self(
      "mask_state_back",
      [
        .region(d), .region(mask), .region(carried), .long(Int64(count))
      ])
  }

  static func normBackward(
    dy: Region, x: Region, deviation: Region, alpha: Region, dx: Region, first: Int, second: Int,
    rows: Int
  ) -> Self {
    Self(
      "norm_backward",
      [
        .region(dy), .region(x), .region(deviation), .region(alpha), .region(dx),
        .int(Int32(first)), .int(Int32(second)), .long(Int64(rows))
      ])
  }

  static func normForward(
    from: Region, x: Region, deviation: Region, alpha: Region, beta: Region?, y: Region,
    adding: Int, other: Region?, first: Int, second: Int, rows: Int
  ) -> Self {
    Self(
      "norm_forward",
      [
        .region(from), .region(x), .region(deviation), .region(alpha), .region(beta), .region(y),
        .int(Int32(adding)), .region(other), .int(Int32(first)), .int(Int32(second)),
        .long(Int64(rows))
      ])
  }

  static func normGradients(
    dy: Region, x: Region, alpha: Region, beta: Region?, rows: Int, columns: Int
  ) -> Self {
    Self(
      "norm_gradients",
      [
        .region(dy), .region(x), .region(alpha), .region(beta), .long(Int64(rows)),
        .int(Int32(columns))
      ])
  }

  static func product(
    a: Region, aRow: Int, aColumn: Int, b: Region, bRow: Int, bColumn: Int, c: Region, cRow: Int,
    m: Int, n: Int, depth: Int, accumulate: Int, precision: Int
  ) -> Self {
    Self(
      "product",
      [
        .region(a), .long(Int64(aRow)), .long(Int64(aColumn)), .region(b), .long(Int64(bRow)),
        .long(Int64(bColumn)), .region(c), .long(Int64(cRow)), .int(Int32(m)), .int(Int32(n)),
        .int(Int32(depth)), .int(Int32(accumulate)), .int(Int32(precision))
      ])
  }

  static func readoutBackward(
    dy: Region, dx: Region, kind: Int, steps: Int, batch: Int, directions: Int, hidden: Int,
    lengths: Region?
  ) -> Self {
    Self(
      "readout_backward",
      [
        .region(dy), .region(dx), .int(Int32(kind)), .int(Int32(steps)), .int(Int32(batch)),
        .int(Int32(directions)), .int(Int32(hidden)), .region(lengths)
      ])
  }

  static func readoutForward(
    x: Region, y: Region, kind: Int, steps: Int, batch: Int, directions: Int, hidden: Int,
    lengths: Region?
  ) -> Self {
    Self(
      "readout_forward",
      [
        .region(x), .region(y), .int(Int32(kind)), .int(Int32(steps)), .int(Int32(batch)),
        .int(Int32(directions)), .int(Int32(hidden)), .region(lengths)
      ])
  }

  static func rmsprop(
    parameters: Region, gradients: Region, square: Region, buffer: Region?, c: Region,
    outcome: Region, count: Int
  ) -> Self {
    Self(
      "rmsprop",
      [
        .region(parameters), .region(gradients), .region(square), .region(buffer), .region(c),
        .region(outcome), .long(Int64(count))
      ])
  }

  static func rnnBackward(
    gates: Region, h: Region, hStride: Int, dOut: Region, dStride: Int, dHidden: Region, batch: Int,
    hidden: Int, relu: Int, start: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "rnn_backward",
      [
        .region(gates), .region(h), .int(Int32(hStride)), .region(dOut), .int(Int32(dStride)),
        .region(dHidden), .int(Int32(batch)), .int(Int32(hidden)), .int(Int32(relu)),
        .int(Int32(start)), .region(lengths), .int(Int32(time))
      ])
  }

  static func rnnForward(
    gates: Region, biasInput: Region?, biasRecurrent: Region?, h: Region, hStride: Int, batch: Int,
    hidden: Int, relu: Int, lengths: Region?, time: Int
  ) -> Self {
    Self(
      "rnn_forward",
      [
        .region(gates), .region(biasInput), .region(biasRecurrent), .region(h),
        .int(Int32(hStride)), .int(Int32(batch)), .int(Int32(hidden)), .int(Int32(relu)),
        .region(lengths), .int(Int32(time))
      ])
  }

  static func rnnStep(
    gates: Region, product: Region?, biasInput: Region?, biasRecurrent: Region?, out: Region,
    outStride: Int, lengths: Region?, time: Int, reverse: Int, batch: Int, hidden: Int, relu: Int
  ) -> Self {
    Self(
      "rnn_step",
      [
        .region(gates), .region(product), .region(biasInput), .region(biasRecurrent), .region(out),
        .int(Int32(outStride)), .region(lengths), .int(Int32(time)), .int(Int32(reverse)),
        .int(Int32(batch)), .int(Int32(hidden)), .int(Int32(relu))
      ])
  }

  static func rnnStepBack(
    gates: Region, out: Region, outStride: Int, dh: Region, lengths: Region?, time: Int,
    reverse: Int, batch: Int, hidden: Int, relu: Int
  ) -> Self {
    Self(
      "rnn_step_back",
      [
        .region(gates), .region(out), .int(Int32(outStride)), .region(dh), .region(lengths),
        .int(Int32(time)), .int(Int32(reverse)), .int(Int32(batch)), .int(Int32(hidden)),
        .int(Int32(relu))
      ])
  }

  static func sgd(
    parameters: Region, gradients: Region, buffer: Region?, c: Region, outcome: Region, count: Int
  ) -> Self {
    Self(
      "sgd",
      [
        .region(parameters), .region(gradients), .region(buffer), .region(c), .region(outcome),
        .long(Int64(count))
      ])
  }

  static func squares(
    x: Region, partial: Region, count: Int
  ) -> Self {
    Self(
      "squares",
      [
        .region(x), .region(partial), .long(Int64(count))
      ])
  }

  static func takeStates(
    states: Region, statesStride: Int, streams: Region, to: Region, stride: Int, batch: Int,
    width: Int
  ) -> Self {
    Self(
      "take_states",
      [
        .region(states), .int(Int32(statesStride)), .region(streams), .region(to),
        .int(Int32(stride)), .int(Int32(batch)), .int(Int32(width))
      ])
  }
}
