import CCUDA
import Diagnostics

/// cuDNN's recurrent layers, version 9.
package struct CUDNN: @unchecked Sendable {
  // Functions of a library that stays open.
  let functions: ccuda_cudnn
  private let library: DynamicLibrary

  /// - Throws: `unavailable` with what was tried where there is no cuDNN.
  package init() throws(Failure) {
    library = try DynamicLibrary(.cudnn)
    functions = try library.functions(ccuda_load_cudnn)
  }

  /// nil where there is none, or `RECUR_CUDA_CUDNN` is 0.
  static var ifWanted: CUDNN? {
    LibrarySearch().variable("RECUR_CUDA_CUDNN") == "0" ? nil : try? CUDNN()
  }

  /// For example 91900 for 9.19.
  var version: Int { Int(ccuda_version(library.handle, "cudnnGetVersion")) }

  /// Throws the library's own words where `status` is not success.
  func check(_ status: Int32, _ doing: @autoclosure () -> String) throws(Failure) {
    guard status != 0 else { return }
    let words = ccuda_status_text(library.handle, "cudnnGetErrorString", status).map { String(cString: $0) }
    throw Failure(
      .unavailable, "cuDNN, \(doing()): \(words ?? "status \(status)"); choose another --engine")
  }

  // The library's numbers (cudnn.h).
  enum Code {
    static let float32: Int32 = 0
    static let (noBias, doubleBias): (Int32, Int32) = (0, 2)
    static let linearInput: Int32 = 0
    static let sequenceMajor: Int32 = 0
    static let paddedIO: UInt32 = 1
    static let (inference, training): (Int32, Int32) = (0, 1)
    static let addGradients: Int32 = 0
  }

  /// How a layer is computed.
  package struct Way: Hashable, CustomStringConvertible {
    enum Algorithm: Int32, CaseIterable {
      case standard, persistStatic, persistDynamic, persistStaticSmallH
    }
    let algorithm: Algorithm
    /// CUDNN_DEFAULT_MATH, which rounds factors to tf32, or CUDNN_FMA_MATH, which does not.
    let rounds: Bool

    package var description: String { "\(algorithm)\(rounds ? ", tf32" : "")" }

    /// Those that keep the precision: fp32 allows no rounding. bf16's products are given tf32's factors, which are nearer.
    package static func all(_ precision: DevicePrecision) -> [Way] {
      Algorithm.allCases.flatMap { algorithm in
        (precision == .fp32 ? [false] : [true, false]).map { Way(algorithm: algorithm, rounds: $0) }
      }
    }
  }
}

/// Descriptors of a layer. They need no GPU.
package final class CUDNNDescriptors {
  private let cudnn: CUDNN
  let recurrent, dropout, input, output, hidden: UnsafeMutableRawPointer

  /// - way: how it is to be computed.
  /// - handle: nil on a machine without a GPU, where descriptors can be made and nothing else.
  package init(
    _ cudnn: CUDNN, _ handle: UnsafeMutableRawPointer?, _ shape: RecurrentShape, _ way: CUDNN.Way
  ) throws(Failure) {
    let f = cudnn.functions
    func made(_ create: (UnsafeMutablePointer<ccuda_handle?>) -> Int32) throws(Failure)
      -> UnsafeMutableRawPointer
    {
      var descriptor: UnsafeMutableRawPointer?
      try cudnn.check(create(&descriptor), "making a descriptor")
      return descriptor!
    }
    self.cudnn = cudnn
    recurrent = try made { f.cudnnCreateRNNDescriptor($0) }
    dropout = try made { f.cudnnCreateDropoutDescriptor($0) }
    input = try made { f.cudnnCreateRNNDataDescriptor($0) }
    output = try made { f.cudnnCreateRNNDataDescriptor($0) }
    hidden = try made { f.cudnnCreateTensorDescriptor($0) }
    if let handle {
      try cudnn.check(f.cudnnSetDropoutDescriptor(dropout, handle, 0, nil, 0, 0), "describing dropout")
    }
    try set(shape, way)
  }

  deinit {
    let f = cudnn.functions
    _ = f.cudnnDestroyTensorDescriptor(hidden)
    _ = f.cudnnDestroyRNNDataDescriptor(output)
    _ = f.cudnnDestroyRNNDataDescriptor(input)
    _ = f.cudnnDestroyRNNDescriptor(recurrent)
    _ = f.cudnnDestroyDropoutDescriptor(dropout)
  }

  private func set(_ s: RecurrentShape, _ way: CUDNN.Way) throws(Failure) {
    let f = cudnn.functions
    let defaultMath: Int32 = 0
    let fmaMath: Int32 = 3
    try cudnn.check(
      f.cudnnSetRNNDescriptor_v8(
        recurrent, way.algorithm.rawValue, s.cell.code, s.hasBias ? CUDNN.Code.doubleBias : CUDNN.Code.noBias,
        s.directions == 2 ? 1 : 0, CUDNN.Code.linearInput, CUDNN.Code.float32, CUDNN.Code.float32,
        way.rounds ? defaultMath : fmaMath, Int32(s.input), Int32(s.hidden), Int32(s.hidden), 1, dropout,
        CUDNN.Code.paddedIO), "describing a layer")
    let lengths = [Int32](repeating: Int32(s.steps), count: s.batch)
    for (data, width) in [(input, s.input), (output, s.directions * s.hidden)] {
      try cudnn.check(
        f.cudnnSetRNNDataDescriptor(
          data, CUDNN.Code.float32, CUDNN.Code.sequenceMajor, Int32(s.steps), Int32(s.batch), Int32(width),
          lengths, nil), "describing a sequence")
    }
    let sizes = [s.directions, s.batch, s.hidden].map { Int32($0) }
    let strides = [s.batch * s.hidden, s.hidden, 1].map { Int32($0) }
    try cudnn.check(
      f.cudnnSetTensorNdDescriptor(hidden, CUDNN.Code.float32, 3, sizes, strides), "describing a state")
  }
}

extension RecurrentShape.RNNMode {
  /// cuDNN's number.
  var code: Int32 {
    switch self {
    case .relu: 0
    case .tanh: 1
    case .lstm: 2
    case .gru: 3
    }
  }
}
