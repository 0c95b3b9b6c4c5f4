import CCUDA
import Diagnostics

/// All kernels of a GPU: those that take any size, and those that are compiled for a shape when they are first asked for.
final class Kernels {
  private let gpu: GPUDescription
  private let driver: Driver
  private var modules: [ClusterShape?: LoadedKernels] = [:]

  /// In the GPU's context. Throws where the kernels that take any size can't be compiled or loaded.
  init(_ gpu: GPUDescription, _ driver: Driver) throws(Failure) {
    self.gpu = gpu
    self.driver = driver
    _ = try module(nil)
  }

  func kernel(_ launch: StepProgram.KernelLaunch) throws(Failure) -> UnsafeMutableRawPointer {
    try module(launch.shape).kernel(launch.kernel)
  }

  private func module(_ shape: ClusterShape?) throws(Failure) -> LoadedKernels {
    if let known = modules[shape] { return known }
    let image = try KernelCache().image(for: gpu, shape: shape)
    let module = try LoadedKernels(image, driver, sharedMemory: gpu.sharedMemory)
    modules[shape] = module
    return module
  }

  /// The clusters that run at the same time where a block takes all of a multiprocessor's shared memory, as the driver says; sizes it
  /// does not allow are left out.
  func clusters() throws(Failure) -> [DeviceTraits.Clusters] {
    guard gpu.capability.major >= 9 else { return [] }
    let kernel = try module(nil).kernel("product")
    return (1...16).compactMap { blocks in
      var count: Int32 = 0
      let status = StepProgram.KernelLaunch.Together.cluster(blocks).withAttributes { attributes in
        var launch = ccuda_launch(
          gx: UInt32(blocks * gpu.multiprocessors), gy: 1, gz: 1, bx: 256, by: 1, bz: 1,
          shared: UInt32(gpu.sharedMemory), stream: nil, attributes: attributes.baseAddress,
          count: UInt32(attributes.count))
        return driver.functions.cuOccupancyMaxActiveClusters(&count, kernel, &launch)
      }
      return status == 0 && count > 0 ? DeviceTraits.Clusters(blocks: blocks, count: Int(count)) : nil
    }
  }
}
