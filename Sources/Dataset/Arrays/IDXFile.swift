import Diagnostics
import Files

/// An array of bytes in the IDX format of the MNIST files, gzipped or not.
///
/// Layout: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each size as a big-endian 32-bit number, the elements.
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
package struct IDXFile: Sendable {
  package let path: String
  package let shape: [Int]
  package let elements: Elements<UInt8>

  /// - dimensions: how many the file must have: 3 for images, 1 for labels.
  private init(path: String, shape: [Int], elements: Elements<UInt8>) {
    (self.path, self.shape, self.elements) = (path, shape, elements)
  }

  /// - group: whose processes have a divided file's elements once; the first reads them.
  init(_ file: inout InputFile, dimensions: Int, _ group: LoadingGroup?) throws(Failure) {
    guard file.isDivided, let group else {
      try self.init(file, dimensions: dimensions)
      return
    }
    var first: IDXFile?
    let shapes = try group.share { () throws(Failure) in
      guard group.index == 0 else { return [] }
      try file.hold(0..<file.size)
      first = try IDXFile(file, dimensions: dimensions)
      try file.hold(0..<0)
      var writer = ByteWriter()
      for size in first!.shape { writer.add(size) }
      return writer.bytes
    }
    var reader = ByteReader(shapes[0])
    let shape = (0..<dimensions).map { _ in reader.int() }
    let elements = try Elements.once(first?.elements, count: product(shape)!, group)
    self.init(path: file.path, shape: shape, elements: elements)
  }

  package init(_ file: InputFile, dimensions: Int) throws(Failure) {
    path = file.path
    if file.count == 0 { throw file.failure("is empty") }
    let headerSize = 4 + 4 * dimensions
    if Gzip.isPacked(file) {
      var bytes = try Gzip.unpacked(file, headerSize: headerSize) { (header) throws(Failure) in
        let shape = try Self.shape(header, dimensions: dimensions, file)
        return try Self.size(shape, headerSize: headerSize, file)
      }
      shape = try Self.shape(bytes.prefix(headerSize), dimensions: dimensions, file)
      bytes.removeFirst(headerSize)
      elements = .own(bytes)
    } else {
      shape = try Self.header(file, dimensions: dimensions).shape
      // It may have become shorter since it was opened.
      guard file.count == file.size else { throw file.changed }
      elements = .own(Array(file.padded[headerSize..<file.count]))
    }
  }

  /// The sizes of an array that is not packed, and the bytes in front of its elements; the file holds these at least.
  static func header(_ file: InputFile, dimensions: Int) throws(Failure) -> (shape: [Int], size: Int) {
    let headerSize = 4 + 4 * dimensions
    let shape = try Self.shape(
      file.padded.prefix(file.count).prefix(headerSize), dimensions: dimensions, file)
    let size = try Self.size(shape, headerSize: headerSize, file)
    guard file.size >= size else {
      throw file.failure("is truncated: its header declares \(size) bytes, it holds \(file.size)")
    }
    guard file.size == size else {
      throw file.failure("holds \(file.size) bytes, more than the \(size) its header declares")
    }
    return (shape, headerSize)
  }

  private static func shape(
    _ bytes: ArraySlice<UInt8>, dimensions: Int, _ file: InputFile
  ) throws(Failure) -> [Int] {
    func word(_ index: Int) -> Int {
      bytes.dropFirst(4 * index).prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }
    let wanted = dimensions == 3 ? "images (magic number 2051)" : "labels (magic number 2049)"
    guard bytes.count >= 4 else { throw file.failure("is truncated: no IDX header") }
    guard word(0) == 0x0800 + dimensions else {
      throw file.failure("has magic number \(word(0)), not that of IDX \(wanted)")
    }
    guard bytes.count >= 4 + 4 * dimensions else { throw file.failure("is truncated: no IDX header") }
    let shape = (1...dimensions).map(word)
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw file.failure("declares the shape \(shape): every size must be at least 1")
    }
    return shape
  }

  private static func size(_ shape: [Int], headerSize: Int, _ file: InputFile) throws(Failure) -> Int {
    guard let size = product(shape), size <= Int.max - headerSize else {
      throw file.failure("declares the shape \(shape): far too large")
    }
    return headerSize + size
  }
}

/// The product of sizes, or nil where it does not fit.
func product(_ sizes: some Sequence<Int>) -> Int? {
  var product = 1
  for size in sizes {
    let (result, overflow) = product.multipliedReportingOverflow(by: size)
    if overflow { return nil }
    product = result
  }
  return product
}
