import Diagnostics
import Files

/// An array in numpy's `.npy` format, versions 1 to 3: numbers, little-endian, C order.
///
/// Source: numpy.lib.format.
package struct NPYFile: Sendable {
  package enum Element: String, Sendable, CaseIterable {
    case float32 = "<f4"
    case float64 = "<f8"
    case int8 = "|i1"
    case int16 = "<i2"
    case int32 = "<i4"
    case int64 = "<i8"
    case uint8 = "|u1"
    case uint16 = "<u2"
    case uint32 = "<u4"
    case uint64 = "<u8"
    case bool = "|b1"

    package var isInteger: Bool { self != .float32 && self != .float64 }
    /// Bytes.
    var size: Int { Int(rawValue.last!.wholeNumberValue!) }
  }

  let file: InputFile
  package let element: Element
  package let shape: [Int]
  /// Where the elements start.
  let body: Int

  package init(_ file: InputFile) throws(Failure) {
    self.file = file
    let header = try NPYHeader(file)
    guard let element = Element(rawValue: header.descr) else {
      throw file.failure(
        "holds elements of type \(quoted(header.descr)); save little-endian float32, float64 or integers")
    }
    guard !header.isFortranOrder else {
      throw file.failure("is in Fortran order; save it with numpy.ascontiguousarray")
    }
    self.element = element
    shape = header.shape
    body = header.size
    guard let size = product(header.shape + [element.size]) else {
      throw file.failure("declares the shape \(header.shape): far too large")
    }
    let held = file.size - body
    guard held >= size else {
      throw file.failure("is truncated: its header declares \(size) bytes of numbers, it holds \(held)")
    }
    guard held == size else {
      throw file.failure("holds \(held) bytes of numbers, more than the \(size) its header declares")
    }
  }

  package var count: Int { shape.reduce(1, *) }

  /// The elements as labels that need only be told apart; -1 for what is no class.
  package var labels: [Int32] {
    [Int32](unsafeUninitializedCapacity: count) { labels, filled in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) { numbers in
        read(0..<count, into: numbers.baseAddress!)
        for index in 0..<count { labels[index] = Int32(exactly: numbers[index]) ?? -1 }
      }
      filled = count
    }
  }

  /// Writes these elements in C order.
  func read(_ range: Range<Int>, into out: UnsafeMutablePointer<Double>) {
    element.read(range.count, into: out) { bytes in
      let first = body + range.lowerBound * element.size
      file.copy(first..<first + bytes.count, to: bytes.baseAddress!)
    }
  }

  /// "FILE, element [3, 0, 2]".
  package func location(_ element: Int) -> String { Self.location(element, of: shape, in: file.path) }

  static func location(_ element: Int, of shape: [Int], in path: String) -> String {
    var rest = element
    var indices: [Int] = []
    for size in shape.reversed() {
      indices.insert(rest % max(1, size), at: 0)
      rest /= max(1, size)
    }
    return "\(path), element \(indices)"
  }
}

extension NPYFile.Element {
  /// Writes elements as numbers.
  /// - copy: puts the bytes of all of them there.
  func read(
    _ count: Int, into out: UnsafeMutablePointer<Double>, _ copy: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    if count == 0 { return }
    withUnsafeTemporaryAllocation(byteCount: count * size, alignment: 16) { room in
      copy(room)
      let bytes = UnsafeRawBufferPointer(room)
      switch self {
      case .float32: convert(bytes, out) { Double(Float(bitPattern: UInt32(littleEndian: $0))) }
      case .float64: convert(bytes, out) { Double(bitPattern: UInt64(littleEndian: $0)) }
      case .int8: convert(bytes, out) { (x: Int8) in Double(x) }
      case .int16: convert(bytes, out) { Double(Int16(littleEndian: $0)) }
      case .int32: convert(bytes, out) { Double(Int32(littleEndian: $0)) }
      case .int64: convert(bytes, out) { Double(Int64(littleEndian: $0)) }
      case .uint8, .bool: convert(bytes, out) { (x: UInt8) in Double(x) }
      case .uint16: convert(bytes, out) { Double(UInt16(littleEndian: $0)) }
      case .uint32: convert(bytes, out) { Double(UInt32(littleEndian: $0)) }
      case .uint64: convert(bytes, out) { Double(UInt64(littleEndian: $0)) }
      }
    }
  }

  @inline(__always)
  private func convert<T: BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ out: UnsafeMutablePointer<Double>, _ number: (T) -> Double
  ) {
    let size = MemoryLayout<T>.size
    for i in 0..<bytes.count / size {
      out[i] = number(bytes.loadUnaligned(fromByteOffset: i * size, as: T.self))
    }
  }
}

/// An NPY array seen as `[rows, columns]`, the columns being its last dimension.
struct NPYTable: NumberTable {
  let array: NPYFile
  let rows: Int
  let columns: Int

  /// - array: not empty.
  init(_ array: NPYFile, columns: Int) {
    self.array = array
    self.columns = columns
    rows = array.count / columns
  }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    array.read(rows.lowerBound * columns..<rows.upperBound * columns, into: block)
  }

  func location(row: Int, column: Int) -> String { array.location(row * columns + column) }
}
