import CCUDA
import Diagnostics

/// The CUDA driver's functions, and the one place where its codes become errors.
package struct Driver: @unchecked Sendable {
  // Functions of a library that stays open.
  let functions: ccuda_driver

  package init(search: LibrarySearch = LibrarySearch()) throws(Failure) {
    functions = try DynamicLibrary(.driver, search: search).functions(ccuda_load_driver)
    try check(functions.cuInit(0), "starting the CUDA driver")
  }

  /// Throws the driver's own words where `status` is not success.
  func check(_ status: Int32, _ doing: @autoclosure () -> String) throws(Failure) {
    guard status != 0 else { return }
    var name: UnsafePointer<CChar>?
    var text: UnsafePointer<CChar>?
    _ = functions.cuGetErrorName(status, &name)
    _ = functions.cuGetErrorString(status, &text)
    let words = [name, text].compactMap { $0.map { String(cString: $0) } }.joined(separator: ", ")
    throw Failure(.unavailable, "\(doing()): \(words.isEmpty ? "CUDA error \(status)" : words)")
  }
}

/// A GPU as the driver describes it.
public struct GPUDescription: Sendable, CustomStringConvertible {
  /// The driver's number for it.
  public let ordinal: Int
  public let name: String
  /// The compute capability, for example 9.0.
  public let capability: (major: Int, minor: Int)
  public let multiprocessors: Int
  /// Bytes of device memory.
  public let memory: Int
  /// Bytes of shared memory a block may use.
  let sharedMemory: Int

  public var description: String {
    "\(name), compute capability \(capability.major).\(capability.minor), \(multiprocessors) multiprocessors, "
      + "\(memory >> 30) GiB"
  }

  /// All GPUs of this machine. Throws what was tried where there is no driver, or what the driver says.
  public static var all: [GPUDescription] {
    get throws(Failure) {
      let driver = try Driver()
      var count: Int32 = 0
      try driver.check(driver.functions.cuDeviceGetCount(&count), "counting GPUs")
      var all: [GPUDescription] = []
      for ordinal in 0..<Int(count) { all.append(try GPUDescription(ordinal, driver)) }
      return all
    }
  }

  init(_ ordinal: Int, _ driver: Driver) throws(Failure) {
    let f = driver.functions
    var device: Int32 = 0
    try driver.check(f.cuDeviceGet(&device, Int32(ordinal)), "opening GPU \(ordinal)")
    var name = [CChar](repeating: 0, count: 256)
    var bytes = 0
    try driver.check(f.cuDeviceGetName(&name, 255, device), "asking for the name of GPU \(ordinal)")
    try driver.check(f.cuDeviceTotalMem_v2(&bytes, device), "asking for the memory of GPU \(ordinal)")
    func attribute(_ number: Int32) throws(Failure) -> Int {
      var value: Int32 = 0
      try driver.check(f.cuDeviceGetAttribute(&value, number, device), "asking about GPU \(ordinal)")
      return Int(value)
    }
    self.ordinal = ordinal
    self.name = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    capability = (try attribute(75), try attribute(76))
    multiprocessors = try attribute(16)
    memory = bytes
    sharedMemory = try attribute(97)
  }
}

extension DeviceTraits {
  init(_ gpu: GPUDescription, _ driver: Driver) throws(Failure) {
    self.init()
    var version: Int32 = 0
    try driver.check(driver.functions.cuDriverGetVersion(&version), "asking the driver for its version")
    let compiler = try Compiler().version
    identity = "\(gpu), driver \(version), NVRTC \(compiler.major).\(compiler.minor)"
    capability = gpu.capability.major * 10 + gpu.capability.minor
    multiprocessors = gpu.multiprocessors
    sharedMemory = gpu.sharedMemory
    libraries = [.driver, .compiler]
    if let cudnn = CUDNN.ifWanted {
      libraries.append(.cudnn)
      identity += ", cuDNN \(cudnn.version)"
    }
  }
}
