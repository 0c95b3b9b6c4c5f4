import CCUDA
import Diagnostics

/// Runs programs on an NVIDIA GPU: from the second time on, a list of operations is one CUDA graph.
///
/// The same program gives the same bits from run to run.
public final class CUDAExecutor: Executor {
  public let description: GPUDescription
  let gpu: OpenedGPU
  let driver: Driver
  let lanes: StreamPool
  private let kernels: Kernels
  private let products: MatrixProducts?
  public let precision: DevicePrecision
  public let traits: DeviceTraits
  private var graphs: [ProgramKey: UnsafeMutableRawPointer] = [:]
  private var warm: Set<ProgramKey> = []
  private var arena: ccuda_address = 0
  private var offsets: [Int] = []
  private let staging: Staging
  let copies: SideCopies
  /// The other ranks' GPUs, where they have joined.
  var group: GPUGroup?
  /// Made when the first program asks for it.
  private var recurrences: CUDNNLayers?

  public var name: String { description.name }

  /// Who multiplies matrices.
  public enum ProductBackend: String, Sendable {
    /// cuBLASLt where it is found, unless `RECUR_CUDA_PRODUCTS` is `own`.
    case library
    /// The own kernel.
    case own
  }

  /// Makes the GPU ready: context, kernels, products.
  /// - ordinal: which GPU.
  /// - Throws: `unavailable` with what was tried where a library or a GPU is missing.
  public init(ordinal: Int = 0, precision: DevicePrecision = .fp32, products: ProductBackend = .library)
    throws(Failure)
  {
    driver = try Driver()
    self.precision = precision
    description = try GPUDescription(ordinal, driver)
    gpu = try OpenedGPU(ordinal, driver)
    lanes = try StreamPool(driver)
    kernels = try Kernels(description, driver)
    var traits = try DeviceTraits(description, driver)
    traits.clusters = try kernels.clusters()
    self.traits = traits
    let isOwn = products == .own || LibrarySearch().variable("RECUR_CUDA_PRODUCTS") == "own"
    self.products = try isOwn ? nil : MatrixProducts(driver, precision: precision)
    staging = try Staging(driver, stream: lanes.main)
    copies = try SideCopies(driver, main: lanes.main)
  }

  deinit {
    try? gpu.enter()
    _ = driver.functions.cuStreamSynchronize(lanes.main)
    dropGraphs()
    if arena != 0 { _ = driver.functions.cuMemFree_v2(arena) }
  }

  private func dropGraphs() {
    for graph in graphs.values { _ = driver.functions.cuGraphExecDestroy(graph) }
    graphs = [:]
    warm = []
  }

  // MARK: Memory

  public func allocate(_ buffers: [StepProgram.Buffer]) throws {
    let f = driver.functions
    try gpu.enter()
    try driver.check(f.cuStreamSynchronize(lanes.main), "waiting for \(name)")
    dropGraphs()
    if arena != 0 { _ = f.cuMemFree_v2(arena) }
    arena = 0
    recurrences?.forget()
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
    try driver.check(f.cuMemsetD8Async(arena, 0, total, lanes.main), "clearing memory")
  }

  func address(_ region: StepProgram.Region) -> ccuda_address {
    arena + UInt64(offsets[region.buffer] + region.offset)
  }

  public func write(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) throws {
    try gpu.enter()
    try staging.write(bytes, to: address(region))
  }

  public func read(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) throws {
    try gpu.enter()
    try staging.read(address(region), into: bytes)
  }

  // MARK: Programs

  public func run(_ operations: [StepProgram.Operation], key: ProgramKey) throws {
    let f = driver.functions
    try gpu.enter()
    if graphs[key] == nil {
      // The first time loads kernels and takes memory, which must not happen while a graph is captured.
      guard !warm.insert(key).inserted else { return try issue(operations, 0) }
      graphs[key] = try driver.captured(on: lanes.main) { () throws(Failure) in try issue(operations, 0) }
    }
    try driver.check(f.cuGraphLaunch(graphs[key]!, lanes.main), "starting a step on \(name)")
  }

  private func issue(_ operations: [StepProgram.Operation], _ lane: Int) throws(Failure) {
    for operation in operations {
      switch operation {
      case .zero(let region, let bytes):
        try driver.check(
          driver.functions.cuMemsetD8Async(address(region), 0, bytes, lanes[lane]), "clearing memory")
      case .product(let product):
        if let products {
          try products.multiply(product, address, lane, lanes[lane])
        } else {
          try issue(product.launch(precision), lane)
        }
      case .launch(let launch): try issue(launch, lane)
      case .recurrence(let recurrence): try issue(recurrence, lane)
      case .sum(let sums):
        guard let group else { throw Failure(.internalError, "no rank has joined this GPU") }
        try group.sum(sums, address, lanes[lane])
      case .parallel(let branches):
        try lanes.fork(branches, from: lane) { branch, lane throws(Failure) in try issue(branch, lane) }
      }
    }
  }

  private func issue(_ recurrence: StepProgram.Recurrence, _ lane: Int) throws(Failure) {
    if recurrences == nil { recurrences = try CUDNNLayers(driver, precision: precision) }
    try recurrences?.run(recurrence, address, lanes[lane])
  }

  private func issue(_ launch: StepProgram.KernelLaunch, _ lane: Int) throws(Failure) {
    let kernel = try kernels.kernel(launch)
    let status = launch.withArguments(address) { arguments, _ in
      launch.together.withAttributes { attributes in
        var shape = ccuda_launch(
          gx: UInt32(launch.grid.x), gy: UInt32(launch.grid.y), gz: 1, bx: UInt32(launch.threads), by: 1,
          bz: 1,
          shared: UInt32(launch.shared), stream: lanes[lane], attributes: attributes.baseAddress,
          count: UInt32(attributes.count))
        return driver.functions.cuLaunchKernelEx(&shape, kernel, arguments, nil)
      }
    }
    try driver.check(status, "starting \(launch.kernel)")
  }
}
