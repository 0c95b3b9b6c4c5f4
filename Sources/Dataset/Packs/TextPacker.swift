import Diagnostics
import Files

/// Texts, one after the other, as shards of tokens.
package enum TextPacker {
  /// - files: opened as texts are.
  /// - size: bytes of a shard.
  package static func pack(
    _ files: [InputFile], _ kind: DataSpecification.Tokens, to folder: String, size: Int
  ) throws(Failure) -> PackIndex {
    let texts = try files.map { (file) throws(Failure) in try TokenText(file, kind) }
    guard texts.contains(where: { $0.count > 0 }) else { throw files[0].failure("is empty") }
    let vocabulary = Vocabulary(kind, of: texts.map { $0.counts }, minCount: 1, size: nil)
    var index = PackIndex(kind: .text)
    index.tokens = kind.rawValue
    if kind != .byte {
      let counts = texts.map { $0.counts }
      index.vocabulary = vocabulary.names
      index.counts = vocabulary.names.map { name in counts.reduce(0) { $0 + ($1[Name(name)] ?? 0) } }
    }
    let element: NPYFile.Element =
      vocabulary.count <= 1 << 8 ? .uint8 : vocabulary.count <= 1 << 16 ? .uint16 : .int32
    let writer = try ShardWriter(folder, element, columns: nil, size: size)
    for text in texts {
      switch try text.encoded(by: vocabulary) {
      case .one(let tokens): try write(tokens, writer)
      case .two(let tokens): try write(tokens, writer)
      case .four(let tokens): try write(tokens, writer)
      }
    }
    try writer.close()
    index.shards = writer.shards
    return index
  }

  private static func write<Element: TokenElement>(
    _ tokens: Elements<Element>, _ writer: ShardWriter
  ) throws(Failure) {
    let result = tokens.withUnsafeBufferPointer { tokens in
      Result { () throws(Failure) in try writer.write(UnsafeRawBufferPointer(tokens)) }
    }
    try result.get()
  }
}
