import Diagnostics
import Files

/// What arrays in several files are.
enum ShardKind {
  case npy
  /// IDX: pixels as fractions of white, and the labels that belong to them.
  case images, labels
}

/// Where the numbers of an array lie in its file.
struct StoredArray {
  let file: InputFile
  let element: NPYFile.Element
  /// Of at least one element.
  let shape: [Int]
  /// Bytes in front of the first element.
  let body: Int

  /// Looks at the header alone.
  /// - key: the recipe's key that names the file, for messages.
  init(_ path: String, _ kind: ShardKind, key: String) throws(Failure) {
    let head = 1 << 12
    let file = try InputFile(path: path, key: key) { 0..<min($0, head) }
    guard file.isRepeatable else {
      throw file.failure(
        FileStamp(path)?.size == 0
          ? "is empty" : "is packed by gzip, and shards are read in places; unpack it")
    }
    self.file = file
    switch kind {
    case .npy:
      let array = try NPYFile(file)
      (element, shape, body) = (array.element, array.shape, array.body)
    case .images, .labels:
      let header = try IDXFile.header(file, dimensions: kind == .images ? 3 : 1)
      (element, shape, body) = (.uint8, header.shape, header.size)
    }
    guard !shape.isEmpty else { throw file.failure("holds one number; a shard has one sample at least") }
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw file.failure("has the shape \(shape); a shard has one sample at least")
    }
  }

  /// Throws where another file can't go on with this array.
  func require(sameAs other: StoredArray) throws(Failure) {
    guard other.element == element else {
      throw other.file.failure(
        "holds elements of type \(quoted(other.element.rawValue)), and \(file.path) of type \(quoted(element.rawValue)); all shards have one"
      )
    }
    guard other.shape.dropFirst() == shape.dropFirst() else {
      throw other.file.failure(
        "has the shape \(other.shape), and \(file.path) the shape \(shape); shards differ in their first size alone"
      )
    }
  }
}
