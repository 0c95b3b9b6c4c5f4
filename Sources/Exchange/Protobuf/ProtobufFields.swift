/// The fields of a message that was read, one after the other. What is none ends it.
package struct ProtobufFields: Sequence, IteratorProtocol {
  package enum WireValue {
    /// A varint, or what stands in four or eight bytes.
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private var rest: ArraySlice<UInt8>
  /// Whether something was no field.
  package private(set) var isDamaged = false

  package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  package mutating func next() -> (field: Int, value: WireValue)? {
    guard !rest.isEmpty, !isDamaged else { return nil }
    guard let key = varint(), let value = value(kind: key & 7) else {
      isDamaged = true
      return nil
    }
    return (Int(truncatingIfNeeded: key >> 3), value)
  }

  private mutating func value(kind: UInt64) -> WireValue? {
    switch kind {
    case 0: return varint().map { .number($0) }
    case 1: return take(8).map { .number(Self.number($0)) }
    case 2:
      guard let count = varint(), count <= UInt64(rest.count) else { return nil }
      return take(Int(count)).map { .bytes($0) }
    case 5: return take(4).map { .number(Self.number($0)) }
    default: return nil
    }
  }

  private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// The next bytes as a number, as packed ones stand side by side; nil at the end.
  package mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      value |= UInt64(byte & 127) << UInt64(shift)
      if byte < 128 { return value }
    }
    return nil
  }

  /// The first byte is the least one.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
