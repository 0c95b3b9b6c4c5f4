import CCUDA
import Diagnostics

/// A GPU's primary context, which cuBLASLt shares.
final class OpenedGPU {
  private let driver: Driver
  private let device: Int32
  private let context: UnsafeMutableRawPointer?

  init(_ ordinal: Int, _ driver: Driver) throws(Failure) {
    let f = driver.functions
    var (device, context): (Int32, UnsafeMutableRawPointer?) = (0, nil)
    try driver.check(f.cuDeviceGet(&device, Int32(ordinal)), "opening GPU \(ordinal)")
    try driver.check(f.cuDevicePrimaryCtxRetain(&context, device), "making a context on GPU \(ordinal)")
    self.driver = driver
    self.device = device
    self.context = context
    try enter()
  }

  deinit { _ = driver.functions.cuDevicePrimaryCtxRelease_v2(device) }

  /// Where it sits in this machine, for example `0000:17:00.0`.
  func busAddress() throws(Failure) -> String {
    var text = [CChar](repeating: 0, count: 32)
    try driver.check(
      driver.functions.cuDeviceGetPCIBusId(&text, Int32(text.count), device), "asking where a GPU sits")
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// Makes the context this thread's.
  func enter() throws(Failure) {
    try driver.check(driver.functions.cuCtxSetCurrent(context), "entering the GPU's context")
  }
}

/// The compiled kernels in a GPU's memory.
final class LoadedKernels {
  private let driver: Driver
  private let module: UnsafeMutableRawPointer?
  private let sharedMemory: Int
  private var kernels: [String: UnsafeMutableRawPointer] = [:]

  /// - sharedMemory: the most bytes a block may use.
  init(_ image: [UInt8], _ driver: Driver, sharedMemory: Int) throws(Failure) {
    var module: UnsafeMutableRawPointer?
    let status = image.withUnsafeBytes { driver.functions.cuModuleLoadData(&module, $0.baseAddress!) }
    try driver.check(status, "loading the kernels")
    self.driver = driver
    self.module = module
    self.sharedMemory = sharedMemory
  }

  deinit { _ = driver.functions.cuModuleUnload(module) }

  func kernel(_ name: String) throws(Failure) -> UnsafeMutableRawPointer {
    if let known = kernels[name] { return known }
    let f = driver.functions
    var kernel: UnsafeMutableRawPointer?
    try driver.check(f.cuModuleGetFunction(&kernel, module, name), "looking for kernel \(name)")
    // Blocks may use more than 48 KiB of shared memory only where that was asked for.
    let maxDynamicShared: Int32 = 8
    try driver.check(
      f.cuFuncSetAttribute(kernel, maxDynamicShared, Int32(sharedMemory)), "preparing kernel \(name)")
    // So do clusters of more than eight blocks; GPUs without clusters don't know the attribute, and don't need it.
    let nonPortableClusters: Int32 = 14
    _ = f.cuFuncSetAttribute(kernel, nonPortableClusters, 1)
    kernels[name] = kernel
    return kernel!
  }
}
