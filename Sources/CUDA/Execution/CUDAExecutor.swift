import CCUDA
import Diagnostics

/// Runs programs on an NVIDIA GPU: from the second time on, a list of operations is one CUDA graph.
///
/// Everything happens on one stream, in order. The same program gives the same bits from run to run.
public final class CUDAExecutor: Executor {
  public let description: GPUDescription
  let driver: Driver
  let stream: UnsafeMutableRawPointer
  private let device: Int32
  private let module: UnsafeMutableRawPointer
  private let products: MatrixProducts?
  private let precision: Precision
  private var functions: [String: UnsafeMutableRawPointer] = [:]
  private var graphs: [ProgramKey: UnsafeMutableRawPointer] = [:]
  private var warm: Set<ProgramKey> = []
  private var arena: ccuda_address = 0
  private var offsets: [Int] = []
  private let staging: Staging

  public var name: String { description.name }

  /// Who multiplies matrices.
  public enum Products: String, Sendable {
    /// cuBLASLt where it is found, unless `RECUR_CUDA_PRODUCTS` is `own`.
    case library
    /// The own kernel.
    case own
  }

  /// Makes the GPU ready: context, kernels, products.
  /// - ordinal: which GPU.
  /// - Throws: `unavailable` with what was tried where a library or a GPU is missing.
  public init(ordinal: Int = 0, precision: Precision = .fp32, products: Products = .library) throws(Failure) {
    let driver = try Driver()
    let f = driver.functions
    self.driver = driver
    self.precision = precision
    description = try GPUDescription(ordinal, driver)
    var (device, context, stream, module):
      (Int32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (
        0, nil, nil, nil
      )
    try driver.check(f.cuDeviceGet(&device, Int32(ordinal)), "opening GPU \(ordinal)")
    let image = try KernelCache().image(for: description)
    try driver.check(f.cuDevicePrimaryCtxRetain(&context, device), "making a context on GPU \(ordinal)")
    try driver.check(f.cuCtxSetCurrent(context), "entering the context of GPU \(ordinal)")
    let nonBlocking: UInt32 = 1
    try driver.check(f.cuStreamCreate(&stream, nonBlocking), "making a stream")
    try driver.check(
      image.withUnsafeBytes { f.cuModuleLoadData(&module, $0.baseAddress!) }, "loading the kernels")
    self.device = device
    guard let stream, let module else {
      throw Failure(.internalError, "the CUDA driver gave no stream or module")
    }
    self.stream = stream
    self.module = module
    let isOwn = products == .own || LibrarySearch().variable("RECUR_CUDA_PRODUCTS") == "own"
    self.products = try isOwn ? nil : MatrixProducts(driver, stream: stream, precision: precision)
    staging = try Staging(driver, stream: stream)
  }

  deinit {
    let f = driver.functions
    _ = f.cuStreamSynchronize(stream)
    for graph in graphs.values { _ = f.cuGraphExecDestroy(graph) }
    if arena != 0 { _ = f.cuMemFree_v2(arena) }
    _ = f.cuModuleUnload(module)
    _ = f.cuStreamDestroy_v2(stream)
    _ = f.cuDevicePrimaryCtxRelease_v2(device)
  }

  // MARK: Memory

  public func allocate(_ buffers: [StepProgram.Buffer]) throws {
    let f = driver.functions
    try synchronize()
    for graph in graphs.values { _ = f.cuGraphExecDestroy(graph) }
    graphs = [:]
    warm = []
    if arena != 0 { _ = f.cuMemFree_v2(arena) }
    arena = 0
    offsets = []
    var total = 0
    for buffer in buffers {
      offsets.append(total)
      total += (buffer.bytes + 255) / 256 * 256
    }
    var (free, all) = (0, 0)
    try driver.check(f.cuMemGetInfo_v2(&free, &all), "asking for the free memory of \(name)")
    guard total < free else {
      throw Failure(
        .unavailable,
        "\(name) has \(free >> 20) MiB free, this network needs \(total >> 20) MiB; use a smaller train.batch_size or train.accumulate, or --device cpu"
      )
    }
    try driver.check(f.cuMemAlloc_v2(&arena, total), "taking \(total >> 20) MiB on \(name)")
    try driver.check(f.cuMemsetD8Async(arena, 0, total, stream), "clearing memory")
  }

  func address(_ region: StepProgram.Region) -> ccuda_address {
    arena + UInt64(offsets[region.buffer] + region.offset)
  }

  public func write(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) throws {
    try staging.write(bytes, to: address(region))
  }

  public func read(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) throws {
    try staging.read(address(region), into: bytes)
  }

  private func synchronize() throws(Failure) {
    try driver.check(driver.functions.cuStreamSynchronize(stream), "waiting for \(name)")
  }

  // MARK: Programs

  public func run(_ operations: [StepProgram.Operation], key: ProgramKey) throws {
    let f = driver.functions
    if graphs[key] == nil {
      // The first time loads kernels, which must not happen while a graph is captured.
      guard !warm.insert(key).inserted else { return try issue(operations) }
      graphs[key] = try captured { try issue(operations) }
    }
    try driver.check(f.cuGraphLaunch(graphs[key]!, stream), "starting a step on \(name)")
  }

  private func captured(_ issue: () throws -> Void) throws -> UnsafeMutableRawPointer {
    let f = driver.functions
    var (graph, executable): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (nil, nil)
    let threadLocal: Int32 = 1
    try driver.check(f.cuStreamBeginCapture_v2(stream, threadLocal), "beginning a graph")
    do {
      try issue()
    } catch {
      _ = f.cuStreamEndCapture(stream, &graph)
      throw error
    }
    try driver.check(f.cuStreamEndCapture(stream, &graph), "ending a graph")
    defer { _ = f.cuGraphDestroy(graph) }
    try driver.check(f.cuGraphInstantiateWithFlags(&executable, graph, 0), "making a graph")
    return executable!
  }

  private func issue(_ operations: [StepProgram.Operation]) throws(Failure) {
    for operation in operations {
      switch operation {
      case .zero(let region, let bytes):
        try driver.check(
          driver.functions.cuMemsetD8Async(address(region), 0, bytes, stream), "clearing memory")
      case .product(let product):
        if let products {
          try products.multiply(product, address)
        } else {
          try issue(product.launch(precision))
        }
      case .launch(let launch): try issue(launch)
      }
    }
  }

  private func issue(_ launch: StepProgram.Launch) throws(Failure) {
    let function = try function(launch.kernel)
    let status = launch.withArguments(address) { arguments, _ in
      driver.functions.cuLaunchKernel(
        function, UInt32(launch.grid.x), UInt32(launch.grid.y), 1, UInt32(launch.threads), 1, 1,
        UInt32(launch.shared), stream, arguments, nil)
    }
    try driver.check(status, "starting \(launch.kernel)")
  }

  private func function(_ name: String) throws(Failure) -> UnsafeMutableRawPointer {
    if let known = functions[name] { return known }
    var function: UnsafeMutableRawPointer?
    try driver.check(
      driver.functions.cuModuleGetFunction(&function, module, name), "looking for kernel \(name)")
    // Blocks may use more than 48 KiB of shared memory only where that was asked for.
    let maxDynamicShared: Int32 = 8
    try driver.check(
      driver.functions.cuFuncSetAttribute(function, maxDynamicShared, 96 << 10), "preparing kernel \(name)")
    functions[name] = function
    return function!
  }
}

extension StepProgram.Launch {
  /// Hands over pointers to the arguments' values, and their sizes in bytes.
  public func withArguments<Result>(
    _ address: (StepProgram.Region) -> UInt64,
    _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, [Int]) -> Result
  ) -> Result {
    let values = arguments.map { $0.value(address) }
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(values.count, 1)) { storage in
      var pointers: [UnsafeMutableRawPointer?] = []
      for (index, value) in values.enumerated() {
        storage[index] = value.bits
        pointers.append(UnsafeMutableRawPointer(storage.baseAddress! + index))
      }
      return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!, values.map(\.size)) }
    }
  }
}

extension StepProgram.Argument {
  /// Its bits, lowest first, and how many bytes of them count.
  fileprivate func value(_ address: (StepProgram.Region) -> UInt64) -> (bits: UInt64, size: Int) {
    switch self {
    case .region(let region): (region.map(address) ?? 0, 8)
    case .int(let value): (UInt64(UInt32(bitPattern: value)), 4)
    case .long(let value): (UInt64(bitPattern: value), 8)
    case .unsigned(let value): (UInt64(value), 4)
    case .unsignedLong(let value): (value, 8)
    case .float(let value): (UInt64(value.bitPattern), 4)
    }
  }
}
