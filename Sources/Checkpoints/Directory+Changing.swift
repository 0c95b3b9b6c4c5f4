import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Directory {
  package func rename(_ old: String, to new: String) throws(Failure) {
    try fileSystem.perform(.rename, path(new)) { _ in Int(renameat(descriptor, old, descriptor, new)) }
  }

  /// Removes a file or link; it is no error if it is gone already.
  package func remove(_ name: String) throws(Failure) {
    try fileSystem.perform(.remove, path(name), tolerating: [ENOENT]) { _ in
      Int(unlinkat(descriptor, name, 0))
    }
  }

  /// What a link says, or nil where there is no link.
  package func linkTarget(_ name: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { text in
      let count = try? fileSystem.perform(.status, path(name)) { _ in
        readlinkat(descriptor, name, text.baseAddress!, text.count)
      }
      guard let count else { return nil }
      return String(decoding: UnsafeRawBufferPointer(text)[..<count], as: UTF8.self)
    }
  }

  /// Puts a short text into place: the file holds the old text or the new one, whatever happens.
  package func replace(_ name: String, with text: String) throws(Failure) {
    try replace(name) { temporary throws(Failure) in
      let file = try open(temporary, .create)
      try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
      try file.synchronize()
      try file.close()
    }
  }

  /// Puts a link into place.
  package func replaceLink(_ name: String, to target: String) throws(Failure) {
    try replace(name) { temporary throws(Failure) in
      try fileSystem.perform(.link, path(temporary)) { _ in Int(symlinkat(target, descriptor, temporary)) }
    }
  }

  /// Lets `make` create something under a temporary name, renames it, and synchronizes the directory.
  package func replace(_ name: String, _ make: (_ temporary: String) throws(Failure) -> Void) throws(Failure)
  {
    let temporary = "\(name)\(FileSystem.temporaryMark)\(getpid())"
    do throws(Failure) {
      try remove(temporary)
      try make(temporary)
      try rename(temporary, to: name)
    } catch {
      try? remove(temporary)
      throw error
    }
    try synchronize()
  }
}
