import CCUDA
import Diagnostics

/// NVRTC: compiles the kernels for a GPU, also on a machine that has none.
public struct Compiler: @unchecked Sendable {
  // Functions of a library that stays open.
  private let functions: ccuda_nvrtc
  public let version: (major: Int, minor: Int)
  public let path: String

  /// - Throws: `unavailable` with what was tried where there is no NVRTC.
  public init() throws(Failure) { try self.init(DynamicLibrary(.compiler)) }

  init(_ library: DynamicLibrary) throws(Failure) {
    functions = try library.functions(ccuda_load_nvrtc)
    path = library.path
    var (major, minor): (Int32, Int32) = (0, 0)
    guard functions.nvrtcVersion(&major, &minor) == 0 else {
      throw Failure(.unavailable, "\(library.path) does not tell its version")
    }
    version = (Int(major), Int(minor))
    // NVRTC opens its second half by a bare name, which the loader finds only where it is loaded already.
    if let slash = path.lastIndex(of: "/") {
      _ = DynamicLibrary.preload("\(path[..<slash])/libnvrtc-builtins.so.\(major).\(minor)")
    }
  }

  /// The compute capabilities it can compile for, times ten.
  public var architectures: [Int] {
    var count: Int32 = 0
    guard functions.nvrtcGetNumSupportedArchs(&count) == 0 else { return [] }
    var list = [Int32](repeating: 0, count: Int(count))
    return functions.nvrtcGetSupportedArchs(&list) == 0 ? list.map(Int.init) : []
  }

  /// What compiling gave.
  public struct Output: Sendable {
    /// The image `cuModuleLoadData` takes.
    public let image: [UInt8]
    /// The compiler's words, with each kernel's registers and spills.
    public let log: String
  }

  /// Compiles the kernels.
  /// - architecture: ten times the compute capability, for example 90; shape: for kernels that are compiled for one.
  public func compile(architecture: Int, shape: ClusterShape? = nil) throws(Failure) -> Output {
    try compile(
      KernelSource.program(shape), options: KernelSource.options(architecture: architecture, shape))
  }

  /// - sources: the program, then the files it includes.
  func compile(_ sources: [KernelSource], options: [String]) throws(Failure) -> Output {
    var program: ccuda_handle?
    let included = sources.dropFirst()
    let made = withCStrings(included.map(\.text)) { texts in
      withCStrings(included.map(\.name)) { names in
        functions.nvrtcCreateProgram(
          &program, sources[0].text, sources[0].name, Int32(included.count), texts, names)
      }
    }
    guard made == 0 else { throw Failure(.internalError, "NVRTC can't take the kernels: error \(made)") }
    defer { _ = functions.nvrtcDestroyProgram(&program) }
    let status = withCStrings(options) {
      functions.nvrtcCompileProgram(program, Int32(options.count), $0)
    }
    let log = text(program)
    guard status == 0 else {
      let first = log.split(separator: "\n").first { $0.contains("error") } ?? "error \(status)"
      throw Failure(
        .internalError, "NVRTC \(version.major).\(version.minor) can't compile the kernels: \(first)")
    }
    var count = 0
    _ = functions.nvrtcGetCUBINSize(program, &count)
    var image = [UInt8](repeating: 0, count: count)
    let read = image.withUnsafeMutableBytes {
      functions.nvrtcGetCUBIN(program, $0.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
    guard read == 0, count > 0 else { throw Failure(.internalError, "NVRTC gave no image: error \(read)") }
    return Output(image: image, log: log)
  }

  private func text(_ program: ccuda_handle?) -> String {
    var count = 0
    guard functions.nvrtcGetProgramLogSize(program, &count) == 0, count > 1 else { return "" }
    var bytes = [CChar](repeating: 0, count: count)
    _ = functions.nvrtcGetProgramLog(program, &bytes)
    return bytes.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}

/// Hands C an array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
  let copies = strings.map { Array($0.utf8CString) }
  func add(_ index: Int, _ pointers: inout [UnsafePointer<CChar>?]) -> Result {
    guard index < copies.count else { return pointers.withUnsafeBufferPointer { body($0.baseAddress) } }
    return copies[index].withUnsafeBufferPointer {
      pointers.append($0.baseAddress)
      return add(index + 1, &pointers)
    }
  }
  var pointers: [UnsafePointer<CChar>?] = []
  return add(0, &pointers)
}
