import Diagnostics
import Files

/// Sentences of tokens with tags: a line for each token, columns set apart by tabs (or blanks where a line has no tab), a blank
/// line after each sentence.
///
/// Where neither token nor tag is in the first column, that is the number of CoNLL-U: lines that begin with `#` in front of a sentence
/// are remarks, and a range or a decimal in the first column (`1-2`, `8.1`) is no token of its own. Elsewhere, as in CoNLL-2000, there
/// are no remarks, and `#` is a token like any other.
struct TaggedText {
  let file: InputFile
  private(set) var tokens: [Substring] = []
  /// Empty where nobody knows it.
  private(set) var tags: [Substring] = []
  /// The first token of each sentence, and the end of the last.
  private(set) var starts: [Int] = [0]

  private typealias Bytes = UnsafeBufferPointer<UInt8>

  /// - areTagsOptional: whether the column of tags may be missing, or all columns but one, that of the token.
  init(_ file: InputFile, tokenColumn: Int, tagColumn: Int, areTagsOptional: Bool = false) throws(Failure) {
    self.file = file
    var (tokenColumn, tagColumn) = (tokenColumn, tagColumn)
    var isNumbered = tokenColumn > 0 && tagColumn > 0
    /// Columns of the first token, and whether tabs set them apart.
    var first: (Int, Bool)?
    /// Where that was a line that begins with `#`.
    var doubtful: Int?
    try file.forEachLine { (line, number) throws(Failure) in
      if line.allSatisfy({ $0 == space || $0 == tab }) {
        endSentence()
        return
      }
      let isRemark = line[0] == UInt8(ascii: "#")
      if isRemark, isNumbered, tokens.count == starts.last! { return }
      let columns = Self.columns(line)
      if areTagsOptional, columns.count == 1, tokens.isEmpty {
        // Tokens alone.
        (tokenColumn, tagColumn, isNumbered) = (0, .max, false)
      }
      if isNumbered, Self.isNoToken(columns[0]) { return }
      let shape = (columns.count, line.contains(tab))
      // A remark that is taken for a token would be one of its words, and the next its tag.
      if isRemark || doubtful != nil, shape != first ?? shape {
        throw .badData(
          "\(file.location(line: doubtful ?? number)): begins with `#`, but is neither a token like the others nor a remark, which "
            + "only CoNLL-U has, and only in front of a sentence; remove it")
      }
      if first == nil { (first, doubtful) = (shape, isRemark ? number : nil) }
      let last = areTagsOptional ? tokenColumn : max(tokenColumn, tagColumn)
      let tag = columns.count > tagColumn ? columns[tagColumn] : Bytes(rebasing: columns[0][0..<0])
      guard columns.count > last, !columns[tokenColumn].isEmpty, areTagsOptional || !tag.isEmpty else {
        throw .badData(
          "\(file.location(line: number)): has \(columns.count) columns; a token in column \(tokenColumn) and its tag in "
            + "column \(tagColumn) are wanted (data.token_column, data.tag_column, from 0)")
      }
      tokens.append(Substring(decoding: columns[tokenColumn], as: UTF8.self))
      tags.append(Substring(decoding: tag, as: UTF8.self))
    }
    endSentence()
    if tokens.isEmpty { throw file.failure("has no tokens") }
  }

  /// Set apart by tabs; in a line without one by any number of blanks.
  private static func columns(_ line: Bytes) -> [Bytes] {
    line.contains(tab) ? line.parts(separatedBy: tab) : line.parts(separatedBy: space, keepingEmpty: false)
  }

  var sentences: Int { starts.count - 1 }

  private mutating func endSentence() {
    if tokens.count > starts.last! { starts.append(tokens.count) }
  }

  /// Digits with a `-` or `.` among them.
  private static func isNoToken(_ number: Bytes) -> Bool {
    let marks = [UInt8(ascii: "-"), UInt8(ascii: ".")]
    let parts = number.split(omittingEmptySubsequences: false) { marks.contains($0) }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { digits.contains($0) } }
  }
}
