import Diagnostics
import Files

/// A text that `recur pack` cut into tokens. Their numbers there are those of all its tokens; a recipe may keep fewer.
struct PackedText: TokenSource {
  let file: InputFile
  private let path: String
  private let index: PackIndex
  private let kind: DataSpecification.Tokens
  private let table: ShardTable
  private let group: LoadingGroup?

  /// - file: its index.
  init(_ file: InputFile, in folder: String, _ data: DataSpecification, _ group: LoadingGroup?)
    throws(Failure)
  {
    (self.file, path) = (file, folder)
    index = try PackIndex(file)
    guard index.kind == .text, let kind = index.tokenKind else {
      throw .badData("\(folder): holds a packed table and no text; use data.format: csv")
    }
    guard kind == data.tokens else {
      throw .badData(
        "\(folder): was packed by \(kind.rawValue), and data.tokens is \(data.tokens.rawValue); pack the text anew"
      )
    }
    self.kind = kind
    table = try ShardTable(index, in: folder, key: "data.path")
    let size = table.files.size
    self.group = group.flatMap { size >= $0.sharedFrom ? $0 : nil }
    guard count <= Int(Int32.max) else {
      throw .badData("\(folder): its tokens are more than the \(Int32.max) that can be numbered")
    }
  }

  var count: Int { table.rows }

  var counts: [Name: Int] {
    Dictionary(zip((index.vocabulary ?? []).map { Name($0) }, index.counts ?? [])) { $0 + $1 }
  }

  private func numbers(_ vocabulary: Vocabulary) -> PackedNumbers {
    PackedNumbers(path, kind == .byte ? vocabulary.names : index.vocabulary ?? [], vocabulary)
  }

  /// The tokens as numbers of a vocabulary, which stay in their files.
  func stored(_ vocabulary: Vocabulary) -> StoredTokens { StoredTokens(table, numbers(vocabulary)) }

  func elements<Element: TokenElement>(_ vocabulary: Vocabulary) throws(Failure) -> Elements<Element> {
    let known = numbers(vocabulary)
    return try .made(count, for: "\(path): its \(count) tokens need", group) { (own, out) throws(Failure) in
      try table.forEachBlock(own) { (block, numbers) throws(Failure) in
        for (place, row) in block.enumerated() {
          out[row - own.lowerBound] = Element(
            truncatingIfNeeded: try known.number(numbers[place], place: row, table))
        }
      }
      if let failure = table.failure { throw failure }
    }
  }
}
