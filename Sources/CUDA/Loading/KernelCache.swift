import Diagnostics
import Files

/// Compiled kernels in files, one for each source, shape, compiler and GPU.
struct KernelCache {
  private let files: CacheFolder

  init(files: CacheFolder = CacheFolder()) { self.files = files }

  /// The kernels for a GPU, from the cache or compiled now.
  /// - shape: nil for those that take any size.
  func image(for gpu: GPUDescription, shape: ClusterShape? = nil) throws(Failure) -> [UInt8] {
    let compiler = try Compiler()
    let architecture = gpu.capability.major * 10 + gpu.capability.minor
    guard compiler.architectures.contains(architecture) else {
      throw Failure(
        .unavailable,
        "NVRTC \(compiler.version.major).\(compiler.version.minor) (\(compiler.path)) can't compile for \(gpu.name), compute capability \(gpu.capability.major).\(gpu.capability.minor); install a newer one"
      )
    }
    let name = "kernels-\(Self.hash(compiler, architecture, shape))-sm\(architecture).cubin"
    if let image = files.read(name), image.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return image }
    let image = try compiler.compile(architecture: architecture, shape: shape).image
    files.write(image, as: name)
    return image
  }

  /// Over everything the image depends on.
  private static func hash(_ compiler: Compiler, _ architecture: Int, _ shape: ClusterShape?) -> String {
    CacheFolder.hash(
      KernelSource.program(shape).flatMap { [$0.name, $0.text] }
        + KernelSource.options(architecture: architecture, shape)
        + ["\(compiler.version.major).\(compiler.version.minor)", compiler.path])
  }
}
