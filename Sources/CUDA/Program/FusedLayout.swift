import CCUDA
import Recurrent

/// Where everything of a tile lies in a block's shared memory, and what the kernel must know of the network.
struct FusedLayout {
  private(set) var shape = fused_shape()
  /// Floats so far.
  private var count = 0

  /// Numbers for the sums over a block, and the outcome of the step.
  private static let head = 32 * MemoryLayout<Double>.size + MemoryLayout<step_outcome>.size
  /// Threads of a block.
  static let threads = 256

  /// Of shared memory.
  var bytes: Int { (Self.head + 4 * count + 15) / 16 * 16 }

  // MARK: Rows

  /// The most rows a block can take; 0 where not even one fits.
  static func mostRows(_ plan: StepPlan) -> Int {
    let one = FusedLayout(plan, batch: 1, rows: 1).count
    let more = FusedLayout(plan, batch: 1, rows: 2).count - one
    let room = (plan.device.sharedMemory - head) / 4 - 4
    return room < one ? 0 : 1 + (room - one) / more
  }

  /// Rows of a block: all of the batch where a block's threads suffice for them, since it needs no other then; else as few as give
  /// every multiprocessor work.
  static func rows(_ plan: StepPlan, batch: Int) -> Int {
    let network = plan.network
    let most = mostRows(plan)
    let width = network.cell == .none ? network.outputSize : network.outputWidth
    if batch * width <= threads, batch <= most { return batch }
    return min(most, (batch + plan.device.multiprocessors - 1) / plan.device.multiprocessors)
  }

  // MARK: Layout

  init(_ plan: StepPlan, batch: Int, rows: Int) {
    let network = plan.network
    shape.batch = Int32(batch)
    shape.tile_rows = Int32(rows)
    shape.steps = Int32(plan.steps)
    shape.inputs = Int32(network.inputSize)
    shape.parameters = Int32(ParameterLayout(network).count)
    shape.read_width = Int32(network.readoutWidth)
    shape.output_width = Int32(network.outputSize)
    shape.readout =
      switch network.readout {
      case _ where network.cell == .none: 2
      case .lastStep: 0
      case .finalState: network.bidirectional ? 1 : 0
      case .allSteps: 2
      case .everyStep: 3
      }
    shape.x = place(plan.steps * rows * network.inputSize)
    shape.one = place(1)
    placeLayers(network, steps: plan.steps, rows: rows)
    placeHead(network, rows: network.outputRows(steps: plan.steps, batch: rows))
    set(plan.loss, width: network.outputSize)
    shape.rule =
      switch plan.rule {
      case .adam: 0
      case .sgd: 1
      case .rmsprop: 2
      }
  }

  private mutating func place(_ floats: Int) -> Int32 {
    defer { count += floats }
    return Int32(count)
  }

  private mutating func placeLayers(_ network: Network, steps: Int, rows: Int) {
    guard network.cell != .none else { return }
    let (hidden, wide, gates) = (network.hiddenSize, network.outputWidth, network.cell.gateCount)
    shape.hidden = Int32(hidden)
    shape.layers = Int32(network.layers)
    shape.directions = Int32(network.directions)
    shape.biased = network.bias ? 1 : 0
    shape.relu = network.nonlinearity == .relu ? 1 : 0
    shape.weights = place(
      (0..<network.layers).reduce(0) { sum, layer in
        let width = layer == 0 ? network.inputSize : wide
        return sum + network.directions * gates * hidden * ((width | 1) + (hidden | 1) + 2)
      })
    let size = steps * rows * wide
    shape.gates = place(network.layers * size * gates)
    shape.saved = place(gates > 1 ? network.layers * size : 0)
    shape.outputs = place(network.layers * size)
    if network.dropout > 0, network.layers > 1 {
      shape.dropped = place((network.layers - 1) * size)
      (shape.threshold, shape.scale) = Self.mask(network.dropout)
    }
    shape.d_outputs = place(size)
    shape.carry = place(rows * wide)
    if network.readout == .everyStep { shape.read = shape.outputs + Int32((network.layers - 1) * size) }
  }

  /// See the kernel `dropout`.
  private static func mask(_ probability: Float) -> (threshold: UInt64, scale: Float) {
    (UInt64(Double(probability) * 4_294_967_296), 1 / (1 - probability))
  }

  private mutating func set(_ loss: Loss, width: Int) {
    switch loss {
    case .mse: shape.loss = 0
    case .mae: shape.loss = 1
    case .huber(let delta):
      shape.loss = 2
      shape.delta = delta
    case .bceWithLogits: shape.loss = 3
    case .crossEntropy(let ignored, let weights, let smoothing):
      shape.loss = 4
      shape.ignored = ignored
      shape.smoothing = smoothing
      shape.weight_sum = weights?.reduce(0, +) ?? Float(width)
    case .quantile, .gaussianNLL, .studentT, .poisson, .negativeBinomial:
      preconditionFailure("no program computes this loss")
    }
  }

  // MARK: Head

  /// - rows: what the head sees of a tile.
  private mutating func placeHead(_ network: Network, rows: Int) {
    if shape.readout != 3 { shape.read = place(rows * network.readoutWidth) }
    shape.head_layers = Int32(network.head.count)
    let layout = ParameterLayout(network)
    let linears = network.head.count { if case .linear = $0 { true } else { false } }
    var (width, widest, linear) = (network.readoutWidth, network.readoutWidth, 0)
    var last = shape.read
    var followsLinear = false
    for (index, layer) in network.head.enumerated() {
      var isLinear = false
      switch layer {
      case .linear(let outputs, _):
        let name = linear == linears - 1 ? "fc" : "fc\(linear)"
        Self.set(&shape.head_weights, index, place(outputs * (width | 1) + outputs))
        Self.set(&shape.head_weight_parameters, index, Int32(layout["\(name).weight"]!.range.lowerBound))
        Self.set(
          &shape.head_bias_parameters, index, layout["\(name).bias"].map { Int32($0.range.lowerBound) } ?? -1)
        (width, widest, linear, isLinear) = (outputs, max(widest, outputs), linear + 1, true)
      case .relu: Self.set(&shape.head_kinds, index, Int32(1))
      case .tanh: Self.set(&shape.head_kinds, index, Int32(2))
      case .sigmoid: Self.set(&shape.head_kinds, index, Int32(3))
      case .dropout(let probability):
        Self.set(&shape.head_kinds, index, Int32(4))
        let (threshold, scale) = Self.mask(probability)
        Self.set(&shape.head_thresholds, index, threshold)
        Self.set(&shape.head_scales, index, scale)
        followsLinear = false
      }
      // An activation after a linear layer works in place.
      if isLinear || !followsLinear { last = place(rows * width) }
      Self.set(&shape.head_outputs, index, last)
      Self.set(&shape.head_widths, index, Int32(width))
      followsLinear = isLinear
    }
    shape.d_head.0 = place(rows * widest)
    shape.d_head.1 = place(rows * widest)
  }

  /// Sets an element of a C array, which Swift sees as a tuple.
  private static func set<Array, Element>(_ array: inout Array, _ index: Int, _ value: Element) {
    withUnsafeMutableBytes(of: &array) {
      $0.storeBytes(of: value, toByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
    }
  }
}
