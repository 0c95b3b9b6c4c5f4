import Batches
import Kernels

/// One direction of one recurrent layer, as the stack sees it.
protocol TimeLayer: AnyObject {
  /// Makes the packed copies of the weights anew.
  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool)
  /// Makes room for a batch of this size.
  func prepare(_ rows: BatchRows)
  /// Fills `pass.output` with h for every step.
  func forward(_ pass: RecurrentLayer.LayerPass)
  func backward(_ pass: RecurrentLayer.LayerPass, _ gradients: RecurrentLayer.Gradients)
  /// Gradients of h0 and c0 after `backward` with `wantInitial`, `[B, units]` each.
  var initialGradients: (hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>) { get }
  /// The cell states `[T, B, units]` (LSTM).
  var cellStates: UnsafePointer<Float> { get }
}

extension RecurrentLayer: TimeLayer {}

/// Which layer and direction, and what it reads.
struct LayerPosition {
  var layer: Int
  var direction: Int
  /// The module whose parameters it has.
  var module = "rnn"
  /// Columns of the input parameter; those of a layer below lie in `inputBlocks` padded blocks.
  var inputWidth = 0
  var inputBlocks = 1
  /// Where categories are projected once each: the columns of the numbers, then of each table.
  var folded: [Range<Int>] = []
  var needsInputGradient = false

  var isReverse: Bool { direction == 1 }
  /// PyTorch's name of one of its parameters.
  func name(_ parameter: String) -> String {
    "\(module).\(parameter)_l\(layer)\(isReverse ? "_reverse" : "")"
  }
}

/// Sizes of one layer, the same for both directions.
struct LayerSizes {
  /// H, the units of the cell, and these padded.
  var hidden: Int
  var cellUnits: Int
  /// Outputs of a direction (H, or P with a projection), and these padded.
  var width: Int
  var units: Int
  /// From one row of outputs to the next: D·units.
  var stride: Int

  /// A row of a state: its numbers, and these padded.
  struct StateWidth {
    var width: Int
    var units: Int
  }
  var hiddenRow: StateWidth { StateWidth(width: width, units: units) }
  var cellRow: StateWidth { StateWidth(width: hidden, units: cellUnits) }

  init(_ a: Network, layer: Int, _ kernels: KernelSet) {
    hidden = a.hiddenSize(of: layer)
    width = a.width(of: layer)
    cellUnits = Self.stored(hidden, a, kernels)
    units = Self.stored(width, a, kernels)
    stride = a.directions * units
  }

  /// So many units, padded as the layers of this network have them.
  static func stored(_ count: Int, _ a: Network, _ kernels: KernelSet) -> Int {
    a.isStepwise
      ? kernels.padded(count) : kernels.storedUnits(gates: CellDescription(a).gates.count, count)
  }
}

/// What masks are drawn for: nil parts of a pass in evaluation, where nothing is dropped.
struct MaskKey {
  var seed: UInt64
  var step: UInt64
  /// `[B]`
  var samples: UnsafePointer<Int32>
}
