import CCUDA
import Diagnostics

/// One of NVIDIA's libraries, opened. It stays open as long as the process lives: they don't like to be closed.
struct DynamicLibrary: @unchecked Sendable {
  // An opened library is only read from.
  let handle: UnsafeMutableRawPointer
  /// The file it was read from.
  let path: String

  /// Opens the first candidate that can be.
  /// - Throws: `unavailable` with what was tried and why each did not open.
  init(_ library: CUDALibrary, search: LibrarySearch = LibrarySearch(), global: Bool = false) throws(Failure)
  {
    var tried: [String] = []
    for name in search.candidates(library.fileNames) {
      if let handle = ccuda_open(name, global ? 1 : 0) {
        self.handle = handle
        path = ccuda_path(handle).map { String(cString: $0) } ?? name
        return
      }
      // The loader's text begins with the name; a path that is not there needs no more words.
      tried.append(String(cString: ccuda_open_error()))
    }
    throw Failure(.unavailable, "\(library.title) not found; tried \(tried.joined(separator: "; "))")
  }

  /// Opens the file at `path` so that others find its symbols.
  static func preload(_ path: String) -> Bool { ccuda_open(path, 1) != nil }

  /// The library's functions, looked up by name.
  func functions<Table>(
    _ load: (UnsafeMutableRawPointer, UnsafeMutablePointer<Table>) -> UnsafePointer<CChar>?
  ) throws(Failure) -> Table {
    let table = UnsafeMutablePointer<Table>.allocate(capacity: 1)
    defer { table.deallocate() }
    if let missing = load(handle, table) {
      throw Failure(.unavailable, "\(path) has no \(String(cString: missing)); a newer version is needed")
    }
    return table.move()
  }
}
