import CCUDA
import Diagnostics

/// A program's layers by cuDNN, each in the way that takes least time.
final class CUDNNLayers {
  private let cudnn: CUDNN
  private let driver: Driver
  private let handle: UnsafeMutableRawPointer
  private let precision: DevicePrecision
  private var layers: [LayerKey: CUDNNLayer] = [:]
  /// Milliseconds of forward and backward in each way that can compute a layer.
  private(set) var times: [RecurrentShape: [CUDNN.Way: Double]] = [:]

  /// What forward keeps belongs to one layer.
  private struct LayerKey: Hashable {
    let shape: RecurrentShape
    let parameters: StepProgram.Region
  }

  /// The GPU's context is entered.
  init(_ driver: Driver, precision: DevicePrecision) throws(Failure) {
    cudnn = try CUDNN()
    var handle: UnsafeMutableRawPointer?
    try cudnn.check(cudnn.functions.cudnnCreate(&handle), "starting")
    self.driver = driver
    self.handle = handle!
    self.precision = precision
  }

  /// Gives back what layers keep; programs that come may have others.
  func forget() { layers = [:] }

  deinit {
    layers = [:]
    _ = cudnn.functions.cudnnDestroy(handle)
  }

  /// The first call for a layer makes it ready, which must not happen while a graph is captured.
  func run(
    _ r: StepProgram.Recurrence, _ address: (StepProgram.Region) -> ccuda_address,
    _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    let layer = try layer(r)
    switch r.pass {
    case .training, .inference:
      try layer.forward(
        address(r.parameters), address(r.input), address(r.output), keeps: r.pass == .training, stream)
    case .backward:
      guard let dOutput = r.dOutput, let dInput = r.dInput, let gradients = r.gradients else { return }
      try layer.backward(
        address(r.input), address(r.output), dOutput: address(dOutput), dInput: address(dInput),
        gradients: address(gradients), stream)
    }
  }

  private func layer(_ r: StepProgram.Recurrence) throws(Failure) -> CUDNNLayer {
    let key = LayerKey(shape: r.shape, parameters: r.parameters)
    if let known = layers[key] { return known }
    let layer = try CUDNNLayer(cudnn, handle, driver, r.shape, try way(r.shape))
    layers[key] = layer
    return layer
  }

  /// The way for a shape: each one that can is timed once.
  private func way(_ shape: RecurrentShape) throws(Failure) -> CUDNN.Way {
    if times[shape] == nil { times[shape] = try timed(shape) }
    return times[shape]!.min { $0.value < $1.value }!.key
  }

  private func timed(_ shape: RecurrentShape) throws(Failure) -> [CUDNN.Way: Double] {
    let timer = try GraphTimer(driver)
    let (rows, width) = (shape.steps * shape.batch, shape.directions * shape.hidden)
    let parameters = try timer.zeros(shape.parameterCount)
    let gradients = try timer.zeros(shape.parameterCount)
    let input = try timer.zeros(rows * shape.input)
    let dInput = try timer.zeros(rows * shape.input)
    let output = try timer.zeros(rows * width)
    let dOutput = try timer.zeros(rows * width)
    var found: [CUDNN.Way: Double] = [:]
    var refusal: Failure?
    for way in CUDNN.Way.all(precision) {
      do throws(Failure) {
        let layer = try CUDNNLayer(cudnn, handle, driver, shape, way)
        found[way] = try timer.milliseconds { stream throws(Failure) in
          try layer.forward(parameters.address, input.address, output.address, keeps: true, stream)
          try layer.backward(
            input.address, output.address, dOutput: dOutput.address, dInput: dInput.address,
            gradients: gradients.address, stream)
        }
      } catch {
        refusal = error
      }
    }
    guard !found.isEmpty else { throw refusal ?? Failure(.unavailable, "cuDNN can't compute this layer") }
    return found
  }
}
