import CCUDA
import Diagnostics

/// A layer by cuDNN in one way: descriptors, where its weights go, memory.
final class CUDNNLayer {
  private let cudnn: CUDNN
  private let handle: UnsafeMutableRawPointer
  private let driver: Driver
  private let d: CUDNNDescriptors
  private let map: WeightMap
  /// Weights and their gradients as cuDNN lays them out, what a call needs, and what forward keeps for backward.
  private let weights, gradients, work, reserve: DeviceBlock
  private let hasCellState: Bool

  /// - Throws: where cuDNN can't compute the layer in this way.
  init(
    _ cudnn: CUDNN, _ handle: UnsafeMutableRawPointer, _ driver: Driver, _ shape: RecurrentShape,
    _ way: CUDNN.Way
  ) throws(Failure) {
    let f = cudnn.functions
    let d = try CUDNNDescriptors(cudnn, handle, shape, way)
    self.cudnn = cudnn
    self.handle = handle
    self.driver = driver
    self.d = d
    hasCellState = shape.cell.cell.hasCellState
    if way.algorithm == .persistDynamic {
      try cudnn.check(f.cudnnBuildRNNDynamic(handle, d.recurrent, Int32(shape.batch)), "building a layer")
    }
    var weightBytes = 0
    try cudnn.check(f.cudnnGetRNNWeightSpaceSize(handle, d.recurrent, &weightBytes), "asking for sizes")
    weights = try DeviceBlock(weightBytes, driver)
    gradients = try DeviceBlock(weightBytes, driver)
    var (largest, kept) = (0, 0)
    for mode in [CUDNN.Code.inference, CUDNN.Code.training] {
      var workBytes = 0
      try cudnn.check(
        f.cudnnGetRNNTempSpaceSizes(handle, d.recurrent, mode, d.input, &workBytes, &kept), "asking for sizes"
      )
      largest = max(largest, workBytes)
    }
    work = try DeviceBlock(largest, driver)
    reserve = try DeviceBlock(kept, driver)
    map = try Self.map(cudnn, handle, shape, d, weights)
  }

  private static func map(
    _ cudnn: CUDNN, _ handle: UnsafeMutableRawPointer, _ shape: RecurrentShape, _ d: CUDNNDescriptors,
    _ weights: DeviceBlock
  ) throws(Failure) -> WeightMap {
    let f = cudnn.functions
    let matrix = try CUDNNTensor(cudnn)
    let bias = try CUDNNTensor(cudnn)
    do {
      return try WeightMap(shape) { direction, number in
        var (m, b): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (nil, nil)
        try cudnn.check(
          f.cudnnGetRNNWeightParams(
            handle, d.recurrent, Int32(direction), weights.bytes, weights.pointer, Int32(number),
            matrix.descriptor, &m, bias.descriptor, &b), "asking for the place of weights")
        let width = number < shape.cell.gates ? shape.input : shape.hidden
        let counts = (try matrix.count, try b == nil ? shape.hidden : bias.count)
        guard let m, counts == (shape.hidden * width, shape.hidden) else {
          throw Failure(.unavailable, "cuDNN lays weights out in a way that is not known")
        }
        func place(_ pointer: UnsafeMutableRawPointer) -> Int { (pointer - weights.pointer) / 4 }
        return (place(m), b.map(place))
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(.internalError, "\(error)")
    }
  }

  /// - keeps: whether a backward follows.
  func forward(
    _ parameters: ccuda_address, _ input: ccuda_address, _ output: ccuda_address, keeps: Bool,
    _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    for piece in map.pieces {
      try copy(weights.address, piece.theirs, from: parameters, piece.own, piece.count, stream)
    }
    let f = cudnn.functions
    try cudnn.check(f.cudnnSetStream(handle, stream), "choosing a stream")
    try cudnn.check(
      f.cudnnRNNForward(
        handle, d.recurrent, keeps ? CUDNN.Code.training : CUDNN.Code.inference, nil, d.input, pointer(input),
        d.output, pointer(output), d.hidden, nil, nil, hasCellState ? d.hidden : nil, nil, nil, weights.bytes,
        weights.pointer, work.bytes, work.pointer, keeps ? reserve.bytes : 0, keeps ? reserve.pointer : nil),
      "computing a layer")
  }

  /// After a `forward` that keeps; leaves the parameters' gradients in `own`.
  func backward(
    _ input: ccuda_address, _ output: ccuda_address, dOutput: ccuda_address, dInput: ccuda_address,
    gradients own: ccuda_address, _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    let f = cudnn.functions
    let cell = hasCellState ? d.hidden : nil
    try cudnn.check(f.cudnnSetStream(handle, stream), "choosing a stream")
    try cudnn.check(
      f.cudnnRNNBackwardData_v8(
        handle, d.recurrent, nil, d.output, pointer(output), pointer(dOutput), d.input, pointer(dInput),
        d.hidden, nil, nil, nil, cell, nil, nil, nil, weights.bytes, weights.pointer, work.bytes,
        work.pointer, reserve.bytes, reserve.pointer), "computing a layer backward")
    // They are added to what is there.
    try driver.check(
      driver.functions.cuMemsetD8Async(gradients.address, 0, gradients.bytes, stream), "clearing memory")
    try cudnn.check(
      f.cudnnRNNBackwardWeights_v8(
        handle, d.recurrent, CUDNN.Code.addGradients, nil, d.input, pointer(input), d.hidden, nil, d.output,
        pointer(output), gradients.bytes, gradients.pointer, work.bytes, work.pointer, reserve.bytes,
        reserve.pointer), "computing a layer's gradients")
    for piece in map.pieces {
      try copy(own, piece.own, from: gradients.address, piece.theirs, piece.count, stream)
    }
  }

  private func copy(
    _ to: ccuda_address, _ place: Int, from: ccuda_address, _ start: Int, _ count: Int,
    _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    try driver.check(
      driver.functions.cuMemcpyDtoDAsync_v2(
        to + UInt64(4 * place), from + UInt64(4 * start), 4 * count, stream), "copying weights")
  }

  private func pointer(_ address: ccuda_address) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}

/// A tensor's descriptor to be filled by cuDNN.
private final class CUDNNTensor {
  private let cudnn: CUDNN
  let descriptor: UnsafeMutableRawPointer

  init(_ cudnn: CUDNN) throws(Failure) {
    var descriptor: UnsafeMutableRawPointer?
    try cudnn.check(cudnn.functions.cudnnCreateTensorDescriptor(&descriptor), "making a descriptor")
    self.cudnn = cudnn
    self.descriptor = descriptor!
  }

  deinit { _ = cudnn.functions.cudnnDestroyTensorDescriptor(descriptor) }

  /// Its elements.
  var count: Int {
    get throws(Failure) {
      var (type, dimensions): (Int32, Int32) = (0, 0)
      var (sizes, strides) = ([Int32](repeating: 1, count: 8), [Int32](repeating: 0, count: 8))
      try cudnn.check(
        cudnn.functions.cudnnGetTensorNdDescriptor(descriptor, 8, &type, &dimensions, &sizes, &strides),
        "asking for a size")
      return sizes.prefix(Int(dimensions)).reduce(1) { $0 * Int($1) }
    }
  }
}

/// Device memory of its own, zeroed.
final class DeviceBlock {
  let address: ccuda_address
  let bytes: Int
  private let driver: Driver

  init(_ bytes: Int, _ driver: Driver) throws(Failure) {
    var address: ccuda_address = 0
    try driver.check(driver.functions.cuMemAlloc_v2(&address, max(bytes, 16)), "taking \(bytes >> 20) MiB")
    self.address = address
    self.bytes = bytes
    self.driver = driver
  }

  deinit { _ = driver.functions.cuMemFree_v2(address) }

  var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: UInt(address))! }
}
