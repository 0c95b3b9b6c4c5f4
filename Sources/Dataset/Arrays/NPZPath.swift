import Diagnostics
import Files

/// An array of an archive that `numpy.savez` or `savez_compressed` wrote: `FILE.npz:ARRAY`, or `FILE.npz` where it holds one.
struct NPZPath {
  private static let ending = ".npz"
  private let archive: String
  /// nil for the only one.
  private let array: String?

  /// nil for the path of another file.
  init?(_ path: String) {
    let bytes = Array(path.utf8)
    if path.hasBytes(last: Self.ending) {
      (archive, array) = (path, nil)
      return
    }
    // What an array is called has no slash, and stands after the last colon.
    guard let cut = bytes.lastIndex(of: UInt8(ascii: ":")), !bytes[cut...].contains(UInt8(ascii: "/")) else {
      return nil
    }
    let archive = String(decoding: bytes[..<cut], as: UTF8.self)
    guard archive.hasBytes(last: Self.ending) else { return nil }
    (self.archive, array) = (archive, String(decoding: bytes[(cut + 1)...], as: UTF8.self))
  }

  /// The array as the `.npy` file that it is in the archive. Every process unpacks it for itself.
  func open(_ specification: DataSpecification, key: String) throws(Failure) -> InputFile {
    let file = try specification.open(archive, key: key)
    let zip = try ZipArchive(file)
    let arrays = zip.names.filter { $0.hasBytes(last: ".npy") }.map {
      String(decoding: $0.utf8.dropLast(4), as: UTF8.self)
    }
    guard let name = array ?? (arrays.count == 1 ? arrays[0] : nil) else {
      let list = arrays.prefix(12).map { quoted($0) }.joined(separator: ", ")
      throw file.failure("holds \(arrays.count) arrays, \(list); ask for one as FILE.npz:ARRAY (\(key))")
    }
    guard arrays.contains(where: { $0.hasSameBytes(as: name) }) else {
      let list = arrays.prefix(12).map { quoted($0) }.joined(separator: ", ")
      throw file.failure("has no array \(quoted(name)) (\(key)); it has \(list)")
    }
    return InputFile(path: "\(archive):\(name)", bytes: try zip.bytes(of: "\(name).npy"))
  }
}

extension NPYFile {
  /// Whether a path names an archive, or an array of one.
  package static func isOfArchive(_ path: String) -> Bool { NPZPath(path) != nil }

  /// An array that is a file of its own, or of an archive as `FILE.npz:ARRAY`.
  /// - key: as `InputFile` has it.
  package init(path: String, key: String) throws(Failure) {
    let specification = DataSpecification(format: .npy, path: path)
    if let member = try NPZPath(path)?.open(specification, key: key) {
      try self.init(member)
    } else {
      try self.init(InputFile(path: path, key: key))
    }
  }
}
