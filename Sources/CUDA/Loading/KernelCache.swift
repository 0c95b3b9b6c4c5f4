import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Compiled kernels in files, one for each source, compiler and GPU.
struct KernelCache {
  /// nil where there is no place for files: then kernels are compiled each time.
  private let folder: String?

  /// `RECUR_CACHE`, else `recur` in the user's cache folder.
  init(variable: (String) -> String? = LibrarySearch().variable) {
    folder =
      variable("RECUR_CACHE") ?? variable("XDG_CACHE_HOME").map { "\($0)/recur" }
      ?? variable("HOME").map { "\($0)/.cache/recur" }
  }

  /// The kernels for a GPU, from the cache or compiled now.
  func image(for gpu: GPUDescription) throws(Failure) -> [UInt8] {
    let compiler = try Compiler()
    let architecture = gpu.capability.major * 10 + gpu.capability.minor
    guard compiler.architectures.contains(architecture) else {
      throw Failure(
        .unavailable,
        "NVRTC \(compiler.version.major).\(compiler.version.minor) (\(compiler.path)) can't compile for \(gpu.name), compute capability \(gpu.capability.major).\(gpu.capability.minor); install a newer one"
      )
    }
    let name = "kernels-\(Self.hash(compiler, architecture))-sm\(architecture).cubin"
    if let folder, let image = Self.read("\(folder)/\(name)") { return image }
    let image = try compiler.compile(architecture: architecture).image
    if let folder { Self.write(image, folder: folder, name: name) }
    return image
  }

  /// FNV-1a over everything the image depends on.
  private static func hash(_ compiler: Compiler, _ architecture: Int) -> String {
    let words =
      KernelSource.all.flatMap { [$0.name, $0.text] } + KernelSource.options(architecture: architecture)
      + ["\(compiler.version.major).\(compiler.version.minor)", compiler.path]
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in words.joined(separator: "\0").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  /// An image that begins as one; nil for anything else.
  private static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    guard fseek(file, 0, SEEK_END) == 0 else { return nil }
    let count = ftell(file)
    guard count > 64, fseek(file, 0, SEEK_SET) == 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    guard fread(&bytes, 1, count, file) == count, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      return nil
    }
    return bytes
  }

  /// Whole or not at all. A cache that can't be written to is only slower.
  private static func write(_ bytes: [UInt8], folder: String, name: String) {
    var path = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += path.isEmpty && part.isEmpty ? "/" : part + "/"
      mkdir(path, 0o755)
    }
    let temporary = "\(folder)/.\(name).\(getpid())"
    guard let file = fopen(temporary, "wb") else { return }
    let written = fwrite(bytes, 1, bytes.count, file)
    if fclose(file) == 0, written == bytes.count, rename(temporary, "\(folder)/\(name)") == 0 { return }
    unlink(temporary)
  }
}
