import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How a program asks for a GPU.
public enum GPU {
  /// An executor on a GPU of this machine.
  /// - localRank: this process's number among those on this machine; they take turns over its GPUs.
  /// - Throws: `unavailable` with what was tried where there is no usable GPU.
  public static func executor(
    localRank: Int = 0, precision: DevicePrecision, products: CUDAExecutor.ProductBackend = .library
  )
    throws(Failure) -> CUDAExecutor
  {
    let count = try GPUDescription.all.count
    guard count > 0 else {
      throw Failure(.unavailable, "the CUDA driver finds no GPU (see CUDA_VISIBLE_DEVICES)")
    }
    return try CUDAExecutor(ordinal: localRank % count, precision: precision, products: products)
  }

  /// Whether Linux shows the devices of NVIDIA's driver. Looking for libraries without them would only take time.
  public static var hasDriverDevices: Bool {
    ["/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-ctrl-gpu"].contains { (path: String) in
      access(path, F_OK) == 0
    }
  }
}
