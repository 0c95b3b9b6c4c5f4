/// What stands in a record that was read: enough to know whether it is kept.
package struct EventSummary {
  package private(set) var step = 0
  /// Of its values; none of a file's first event.
  package private(set) var tags: [String] = []
  /// Whether each of its values is a number.
  package private(set) var isScalar = false

  /// nil where the bytes are no event.
  package init?(_ content: ArraySlice<UInt8>) {
    var fields = ProtobufFields(content)
    while let (field, value) = fields.next() {
      switch (field, value) {
      case (2, .number(let number)): step = Int(truncatingIfNeeded: number)
      case (5, .bytes(let summary)): read(summary)
      default: break
      }
    }
    if fields.isDamaged { return nil }
  }

  private mutating func read(_ summary: ArraySlice<UInt8>) {
    for case (1, .bytes(let value)) in ProtobufFields(summary) {
      for (field, content) in ProtobufFields(value) {
        if field == 1, case .bytes(let tag) = content { tags.append(String(decoding: tag, as: UTF8.self)) }
        if field == 2 { isScalar = true }
      }
    }
  }
}
