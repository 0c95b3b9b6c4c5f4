import CCUDA
import Recurrent

extension ProgramBuilder {
  /// The head's layers, and the width each one puts out.
  private var widths: [Int] {
    var width = network.readoutWidth
    return network.head.map { layer in
      if case .linear(let outputs, _) = layer { width = outputs }
      return width
    }
  }

  private func width(before index: Int) -> Int {
    index > 0 ? widths[index - 1] : network.readoutWidth
  }

  /// The kernel's number of an activation; nil for other layers.
  private func activation(_ index: Int) -> Int? {
    guard index < network.head.count else { return nil }
    switch network.head[index] {
    case .relu: return 1
    case .tanh: return 2
    case .sigmoid: return 3
    case .linear, .dropout: return nil
    }
  }

  /// Where the index-th linear layer of the head has its parameters.
  private func linear(_ index: Int) -> (weight: Int, bias: Int?) {
    let number = linears(before: index)
    let isLast = number == linears(before: network.head.count) - 1
    let name = isLast ? "fc" : "fc\(number)"
    let weight = layout["\(name).weight"] ?? layout["embedding.weight"]!
    return (weight.range.lowerBound, layout["\(name).bias"]?.range.lowerBound)
  }

  private func linears(before index: Int) -> Int {
    network.head[..<index].count { if case .linear = $0 { true } else { false } }
  }

  /// What each layer of the head reads and, last, what the head puts out.
  private mutating func headRegions(_ read: Region) -> [Region] {
    var regions = [read]
    for (index, layer) in network.head.enumerated() {
      switch layer {
      case .dropout(let p) where !trains || p == 0: regions.append(regions[index])
      // An activation after a linear layer works in place.
      case .relu where follows(index), .tanh where follows(index), .sigmoid where follows(index):
        regions.append(regions[index])
      default: regions.append(buffer("head_\(index)", mostRows * widths[index]))
      }
    }
    return regions
  }

  private func follows(_ index: Int) -> Bool {
    if index > 0, case .linear = network.head[index - 1] { true } else { false }
  }

  // MARK: Forward

  /// Returns where the output lies and where its gradient belongs.
  mutating func forwardHead(_ read: Region) -> (output: Region, gradient: Region) {
    let regions = headRegions(read)
    let rows = rows(batch)
    for (index, layer) in network.head.enumerated() {
      let (x, y) = (regions[index], regions[index + 1])
      switch layer {
      case .linear(let outputs, _):
        let (weight, bias) = linear(index)
        let inputs = width(before: index)
        product(
          matrix(x, inputs), matrix(parameter(weight), inputs, transposed: true), to: y, stride: outputs,
          rows,
          outputs, depth: inputs)
        if bias != nil || activation(index + 1) != nil {
          activate(y, to: y, bias: bias.map(parameter), rows, outputs, activation(index + 1) ?? 0)
        }
      case .relu, .tanh, .sigmoid:
        if !follows(index) { activate(x, to: y, bias: nil, rows, widths[index], activation(index)!) }
      case .dropout(let p): if x != y { dropHead(x, to: y, index, p) }
      }
    }
    return (regions.last!, buffer("d_output", mostRows * network.outputSize))
  }

  private mutating func activate(
    _ x: Region, to y: Region, bias: Region?, _ rows: Int, _ width: Int, _ kind: Int
  ) {
    each(rows * width, .activate(x: x, y: y, bias: bias, rows: rows, width: width, kind: kind))
  }

  /// Head layers number their masks after any recurrent layer's.
  private mutating func dropHead(_ x: Region, to y: Region, _ index: Int, _ p: Float) {
    dropout(
      x, to: y, layer: 0x8000_0000 + UInt32(index), p, steps: rows(batch) / batch, blocks: 1,
      width: widths[index])
  }

  // MARK: Backward

  /// From the output's gradient to that of what the head read; nil where nobody needs it.
  mutating func backwardHead(_ read: Region, _ dOutput: Region) -> Region? {
    let regions = headRegions(read)
    let rows = rows(batch)
    let widest = ([network.readoutWidth] + widths).max()!
    var dy = dOutput
    for index in network.head.indices.reversed() {
      let count = rows * widths[index]
      switch network.head[index] {
      case .linear(let outputs, _):
        let dx = linearGradients(index, regions[index], dy, outputs, widest)
        guard let dx else { return nil }
        dy = dx
      case .relu, .tanh, .sigmoid:
        each(
          count,
          .activateBackward(y: regions[index + 1], dy: dy, dx: dy, count: count, kind: activation(index)!))
      case .dropout(let p): if p > 0 { dropHead(dy, to: dy, index, p) }
      }
    }
    return dy
  }

  private mutating func linearGradients(
    _ index: Int, _ x: Region, _ dy: Region, _ outputs: Int, _ widest: Int
  )
    -> Region?
  {
    let (weight, bias) = linear(index)
    let (inputs, rows) = (width(before: index), rows(batch))
    let isRead = index > 0 || network.cell != .none
    // Never the one dy lies in.
    let dx = buffer("d_head_\(linears(before: index) % 2)", mostRows * widest)
    let lists = [
      written { b in
        guard isRead else { return }
        b.product(
          b.matrix(dy, outputs), b.matrix(b.parameter(weight), inputs), to: dx, stride: inputs, rows, inputs,
          depth: outputs)
      },
      written { b in
        b.product(
          b.matrix(dy, outputs, transposed: true), b.matrix(x, inputs), to: b.gradient(weight),
          stride: inputs,
          outputs, inputs, depth: rows, accumulates: true)
      },
      written { b in if let bias { b.columnSums(dy, rows: rows, columns: outputs, to: b.gradient(bias)) } },
    ]
    parallel(lists)
    return isRead ? dx : nil
  }

  // MARK: Loss and update

  mutating func writeLoss(_ output: Region, _ dOutput: Region) {
    let (rows, width) = (rows(batch), network.outputSize)
    let (most, count) = (mostRows, rows * width)
    let block = 1024
    let partial = buffer("loss_partial", 4 * max(most, (most * width + block - 1) / block), bytes: 8)
    var partials = (count + block - 1) / block
    switch loss {
    case .mse: values(output, dOutput, partial, count, kind: 0, grid: partials)
    case .mae: values(output, dOutput, partial, count, kind: 1, grid: partials)
    case .huber(let delta): values(output, dOutput, partial, count, kind: 2, delta: delta, grid: partials)
    case .bceWithLogits: values(output, dOutput, partial, count, kind: 3, grid: partials)
    case .crossEntropy(let ignored, let weights, let smoothing):
      partials = rows
      let sum = weights?.reduce(0, +) ?? Float(width)
      launch(
        .lossClasses(
          outputs: output, classes: place(.classes), weights: weights == nil ? nil : place(.classWeights),
          gradient: dOutput, partial: partial, rows: rows, width: width, ignored: Int(ignored),
          smoothing: smoothing, weightSum: sum),
        grid: (rows + 7) / 8)
    case .quantile, .gaussianNLL, .studentT, .poisson, .negativeBinomial:
      preconditionFailure("no program computes this loss")
    }
    launch(
      .lossTotal(partial: partial, count: partials, outcome: place(.outcome)), grid: 1, shared: 32 * 8)
  }

  private mutating func values(
    _ output: Region, _ dOutput: Region, _ partial: Region, _ count: Int, kind: Int, delta: Float = 0,
    grid: Int
  ) {
    launch(
      .lossValues(
        outputs: output, values: place(.values), gradient: dOutput, partial: partial, count: count,
        kind: kind, delta: delta, lengths: network.readsEveryStep ? lengths : nil, batch: batch,
        width: network.outputSize),
      grid: grid, shared: 32 * 8)
  }

  mutating func writeUpdate() {
    let count = layout.count
    let blocks = (count + 4095) / 4096
    let partial = buffer("squares_partial", blocks, bytes: 8)
    launch(.squares(x: place(.gradients), partial: partial, count: count), grid: blocks, shared: 32 * 8)
    launch(
      .decide(partial: partial, blocks: blocks, control: place(.control), outcome: place(.outcome)),
      grid: 1, shared: 32 * 8)
    each(count, threads: 256, optimizerCall(count))
    guard plan.averages else { return }
    each(
      count, threads: 256,
      .follow(
        average: place(.average), parameters: place(.parameters), c: place(.control),
        outcome: place(.outcome), count: count))
  }

  private func optimizerCall(_ count: Int) -> Call {
    let (parameters, gradients) = (place(.parameters), place(.gradients))
    let (first, second, control, outcome) = (place(.first), place(.second), place(.control), place(.outcome))
    switch rule {
    case .adam:
      return .adam(
        parameters: parameters, gradients: gradients, mean: first, square: second, c: control,
        outcome: outcome, count: count)
    case .sgd(let momentum):
      return .sgd(
        parameters: parameters, gradients: gradients, buffer: momentum ? first : nil, c: control,
        outcome: outcome, count: count)
    case .rmsprop(let momentum):
      return .rmsprop(
        parameters: parameters, gradients: gradients, square: first, buffer: momentum ? second : nil,
        c: control, outcome: outcome, count: count)
    }
  }
}
