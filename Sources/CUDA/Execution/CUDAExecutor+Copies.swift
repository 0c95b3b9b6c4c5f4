import CCUDA
import Diagnostics

/// Copies beside what runs, to and from pinned memory.
extension CUDAExecutor {
  public func hostMemory(_ bytes: Int) throws -> HostMemory {
    try gpu.enter()
    var memory: UnsafeMutableRawPointer?
    try driver.check(
      driver.functions.cuMemHostAlloc(&memory, max(bytes, 1), 0), "taking \(bytes >> 20) MiB of pinned memory"
    )
    return HostMemory(UnsafeMutableRawBufferPointer(start: memory!, count: bytes)) { [gpu, driver] in
      try? gpu.enter()
      _ = driver.functions.cuMemFreeHost(memory)
    }
  }

  public func startRead(
    _ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    try gpu.enter()
    return try copies.start(address(region), into: bytes)
  }

  public func finishRead(_ read: Int) throws {
    try gpu.enter()
    try copies.finish(read)
  }

  public func startWrite(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) throws {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    try gpu.enter()
    try driver.check(
      driver.functions.cuMemcpyHtoDAsync_v2(address(region), base, bytes.count, lanes.main),
      "copying to the GPU")
  }
}
