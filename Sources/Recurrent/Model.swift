import Batches
import CKernels
import Diagnostics
import Kernels

/// A network with its parameters and gradients: forward and backward over one batch.
///
/// A model is used from one thread at a time. Memory for a step is allocated once for the largest (T, B) seen.
public final class Model {
  public enum Mode: Sendable, Equatable {
    /// Keeps what backward needs; dropout masks are drawn for this (seed, step) and these sample numbers only.
    case training(seed: UInt64, step: UInt64)
    /// Keeps nothing, drops nothing.
    case evaluation
  }

  public let network: Network
  public let layout: ParameterLayout
  package let kernels: KernelSet
  /// The threads that share a step's work.
  package let team: Team
  /// Who computes the matrix products.
  package let products: Products
  let parameterBuffer: FloatBuffer
  private let gradientBuffer: FloatBuffer
  let stack: RecurrentStack?
  let embedding: Embedding?
  let decoder: Decoder?
  /// Of a decoder of numbers.
  let steps: NumberSteps?
  let head: Head
  private var readout = FloatBuffer(0)
  private var dReadout = FloatBuffer(0)
  /// Without recurrent part, the gradient of the input's rows.
  private var dInputs = FloatBuffer(0)
  private var packed = Packed.nothing
  /// Is told in `backward`, falling, from where on gradients are final: those of the head, then layer by layer. See
  /// `ParameterLayout.boundaries`.
  package var gradientsAreFinal: ((_ start: Int) -> Void)? {
    didSet { stack?.gradientsAreFinal = gradientsAreFinal }
  }
  /// Parameters in front of this one are not trained: backward ends above the layers that lie before it, and adds nothing to their
  /// gradients. An encoder-decoder computes them all the same.
  package var firstTrained = 0 { didSet { endBackward() } }
  var trainsInputs = true
  /// Where the layers begin of which the first is trained; the head's start where none is.
  var trainedStart = 0
  var last: Request?
  /// Of an encoder-decoder: the sources of the last forward, and where each target has its own.
  var pair: (source: Request, sourceRows: UnsafePointer<Int32>)?

  /// Which packed copies of the weights are up to date.
  private enum Packed { case nothing, forward, both }

  /// Parameters start with the bits that `torch.manual_seed(seed)` and building the same modules would give.
  ///
  /// - threads: how many share the work; the bits are the same for any number.
  /// - wantsInputGradient: whether `backward` also computes `inputGradient`; nobody reads it in a network of its own.
  ///
  /// Throws a `Failure` that names the first size that can't work.
  public init(
    _ network: Network, seed: UInt64, kernels: KernelSet = .preferred, threads: Int = 1,
    wantsInputGradient: Bool = false
  ) throws(Failure) {
    try network.validate()
    self.network = network
    // A vector wider than the hidden layer would be mostly padding.
    let wide = kernels.name == "avx512" && network.cell != .none && network.largestHiddenSize <= 8
    let kernels = wide ? KernelSet(named: "avx2") ?? kernels : kernels
    self.kernels = kernels
    layout = ParameterLayout(network)
    try network.requireMemory(layout, slots: 0, rows: 0, batch: 0)
    team = try Team(threads: threads)
    products = Products(kernels, team)
    parameterBuffer = FloatBuffer(layout.count)
    gradientBuffer = FloatBuffer(layout.count)
    stack =
      network.cell == .none
      ? nil
      : RecurrentStack(
        network, layout, products,
        wantsInputGradient: wantsInputGradient || network.readsCodes,
        foldsCategories: !wantsInputGradient && !kernels.isBF16 && network.canFoldCategories)
    embedding =
      network.categories.isEmpty
      ? network.embedding.map { [layout, team] in Embedding($0, layout, team) }
      : Embedding(network.categories, numbers: network.inputSize, layout, team)
    decoder = network.decoder.map { [layout, products] _ in
      Decoder(network, layout, products)
    }
    steps = network.decoder?.numbers.map { NumberSteps($0, width: network.headWidth) }
    head = Head(network, layout, products)
    layout.initialize(parameterBuffer.all, network: network, seed: seed)
  }

  /// All parameters in layout order. After writing to them call `parametersChanged()`.
  package var parameters: UnsafeMutableBufferPointer<Float> { parameterBuffer.all }
  /// Gradients in layout order; `backward` adds to them.
  package var gradients: UnsafeMutableBufferPointer<Float> { gradientBuffer.all }
  /// Sets all gradients to zero.
  public func zeroGradients() { gradients.update(repeating: 0) }
  /// Tells that `parameters` were written to: packed copies are made anew at the next forward.
  package func parametersChanged() { packed = .nothing }

  /// Lets a BLAS compute some products of training steps from now on; nothing where nil.
  package func useProducts(_ choices: ProductChoices?, of library: BLASLibrary?) {
    products.use(choices, of: library)
    parametersChanged()
  }

  /// The network's output for one batch.
  ///
  /// The batch is kept, and must not be filled anew, until `backward` returns. Final states and last steps are those of each
  /// sequence's own end, where the backward direction begins.
  /// - states: where the streams stand that the samples are windows of; nil for samples that stand alone.
  /// - initialState: h0 and c0, by place in the batch; zero where nil.
  /// - Returns: `[outputRows, outputSize]`, as the samples lie in the batch; valid until the next call.
  package func forward(
    _ batch: Batch, mode: Mode, states: StreamStates? = nil, initialState: RecurrentState? = nil
  ) -> UnsafeMutableBufferPointer<Float> {
    if batch.source != nil { return forwardPairs(batch, mode: mode) }
    if let steps { return forwardNumbers(batch, steps, mode: mode) }
    precondition(
      batch.rows.isUniform || !network.needsEqualLengths, "this network needs sequences of equal length")
    var request = request(batch, mode)
    if let states {
      guard let streams = batch.streams else { preconditionFailure("the samples are no windows of streams") }
      request.carried = Carried(states: states, streams: streams)
    }
    lookUpCodes(&request)
    return forward(request, initialState)
  }

  /// Samples of the smallest lane where `backward` will go lane by lane: what depends on the size of a batch then depends on
  /// this, and not on how many lanes a batch has.
  package var smallestLane: Int?

  private func forward(_ request: Request, _ initialState: RecurrentState?)
    -> UnsafeMutableBufferPointer<Float>
  {
    last = request
    pack(forBackward: request.mode != .evaluation)
    let rows = outputRows(request)
    if let stack {
      stack.forward(request, initialState: initialState)
      let (values, width) = (stack.output, network.readoutWidth)
      if let view = stack.view(network.readout, request.rows) {
        return head.forward(view, rows: rows, request)
      }
      readout.reserve(rows * width)
      copyReadout(values, to: readout.base, request)
    } else {
      readout.reserve(rows * network.readoutWidth)
      flattenInputs(request, to: readout.base)
    }
    return head.forward(readout.base, rows: rows, request)
  }

  /// Adds the gradients of one batch to `gradients`, given the loss's gradient for the last forward's output.
  /// - target: another buffer in layout order that gets them instead.
  package func backward(
    _ dOutput: UnsafePointer<Float>, into target: UnsafeMutableBufferPointer<Float>? = nil
  ) {
    backward(dOutput, into: target, finalState: nil, wantInitialState: false)
  }

  /// The rows of the last output that belong to these sequences, in order.
  package func forEachOutputRows(of sequences: Range<Int>, _ body: (Range<Int>) -> Void) {
    guard let last else { preconditionFailure("there was no forward") }
    let rows = HeadRows(rows: last.rows, everyStep: network.readsEveryStep)
    for group in rows.groups(of: sequences) { body(group) }
  }

  /// Whether `backward(_:lanes:)` can cut the batches of this network.
  ///
  /// Not where parameters get gradients from two places, and lanes would have to be kept apart until the last: a tied
  /// embedding, one of tokens below two directions, an encoder-decoder's.
  package var cutsLanes: Bool {
    decoder == nil && network.embedding.map { !$0.isTied && !network.bidirectional } ?? true
  }

  /// As `backward(_:)`, but sums over samples are taken lane by lane. The bits are those of each lane as a batch of its own.
  ///
  /// For sequences of equal length, where `cutsLanes`.
  package func backward(_ dOutput: UnsafePointer<Float>, lanes: Lanes) {
    precondition(cutsLanes, "this network's batches can't be cut into lanes")
    _ = backward(dOutput, .lanes(lanes), finalState: nil, wantInitialState: false)
  }

  /// As `backward(_:)`, with a gradient for the final state, and on request down to the initial state.
  @discardableResult
  package func backward(
    _ dOutput: UnsafePointer<Float>, into target: UnsafeMutableBufferPointer<Float>? = nil,
    finalState: RecurrentState?, wantInitialState: Bool
  ) -> RecurrentState? {
    let gradients = target ?? gradients
    precondition(gradients.count == layout.count, "gradients have the layout of the parameters")
    return backward(
      dOutput, .all(gradients.baseAddress!), finalState: finalState, wantInitialState: wantInitialState)
  }

  private func backward(
    _ dOutput: UnsafePointer<Float>, _ target: GradientTarget, finalState: RecurrentState?,
    wantInitialState: Bool
  ) -> RecurrentState? {
    backward(target, finalState: finalState, wantInitialState: wantInitialState) { dInput, rows, request in
      head.backward(
        steps?.timeMajor(dOutput, batch: request.batch) ?? dOutput, dInput: dInput, rows, request, target)
    }
  }

  /// - head: the gradients of the head, down to that of what it reads where somebody reads it.
  @discardableResult
  func backward(
    _ target: GradientTarget, finalState: RecurrentState? = nil, wantInitialState: Bool = false,
    head: (_ dInput: UnsafeMutablePointer<Float>?, HeadRows, Request) -> Void
  ) -> RecurrentState? {
    guard let request = last, request.mode != .evaluation else {
      preconditionFailure("backward follows a forward in training mode")
    }
    let rows = HeadRows(rows: request.rows, everyStep: network.headReadsEveryStep)
    dReadout.reserve(rows.count * network.readoutWidth)
    head(trainsBelowHead ? dReadout.base : nil, rows, request)
    if decoder != nil {
      backwardPair(request, target)
      return nil
    }
    gradientsAreFinal?(layout.headStart)
    let initial = stack?.backward(
      request, dReadout: dReadout.base, gradients: target, finalState: finalState,
      wantInitialState: wantInitialState)
    backwardInputs(request, target)
    skipUntrained(request, target)
    return initial
  }

  /// From the gradient of the input's rows to that of the vectors in them.
  func backwardInputs(_ request: Request, _ target: GradientTarget) {
    guard let embedding, request.vocabularies.isEmpty, trainsInputs else { return }
    if let stack { return embedding.backward(request, dRows: stack.dInputs.base, target) }
    dInputs.reserve(request.rows.count * network.inputWidth)
    scatterInputs(dReadout.base, to: dInputs.base, request)
    embedding.backward(request, dRows: dInputs.base, target)
  }

  /// Gradient of the last batch's inputs, `[T, B, F]`, for a recurrent model made with `wantsInputGradient`.
  package var inputGradient: UnsafeBufferPointer<Float>? {
    guard let last, let stack else { return nil }
    return UnsafeBufferPointer(
      start: stack.dInputs.base, count: last.rows.count * network.inputWidth)
  }

  /// h_n and c_n of the last forward.
  public var finalState: RecurrentState? { last.flatMap { stack?.finalState($0) } }

  private func outputRows(_ request: Request) -> Int {
    network.readsEveryStep ? request.rows.count : request.batch
  }

  /// The gradient of what the head read.
  var dReadoutBase: UnsafeMutablePointer<Float> { dReadout.base }

  func pack(forBackward: Bool) {
    products.isTraining = forBackward
    guard packed == .nothing || (forBackward && packed == .forward) else { return }
    team.measure(.packing) {
      stack?.pack(parameterBuffer.base, forBackward: forBackward)
      decoder?.pack(parameterBuffer.base, forBackward: forBackward)
      head.pack(parameterBuffer.base, forBackward: forBackward)
    }
    packed = forBackward ? .both : .forward
  }
}
