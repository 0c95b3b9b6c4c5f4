import Batches
import Diagnostics
import Files

/// The texts of a CSV file's rows, cut into tokens.
struct TextRows {
  let file: InputFile
  /// Tokens as they first come, by their number in `ids`.
  private(set) var names: [String] = []
  private(set) var ids: [Int32] = []
  /// The first token of each row's text, and the end of the last.
  private(set) var starts = [0]

  /// - table: its first column of names are the texts, none of them missing.
  init(_ table: CSVTable, _ tokens: TokenKind) throws(Failure) {
    file = table.file
    let column = table.names[0]
    if tokens == .byte { names = (0..<256).map(String.init) }
    var numbers: [Name: Int32] = [:]
    /// The tokens of each text that occurs, cut once.
    var cuts = [Range<Int>?](repeating: nil, count: column.texts.count)
    for row in 0..<table.rows {
      let text = Int(column.codes[row])
      let cut: Range<Int>
      if let known = cuts[text] {
        cut = known
        ids += ids[known]
      } else {
        let first = ids.count
        switch tokens {
        case .byte: ids += column.texts[text].map { Int32($0) }
        case .char, .word:
          guard let string = String(validating: column.texts[text], as: UTF8.self) else {
            let place = table.location(row, name: 0)
            throw .badData(
              "\(place): the text is not UTF-8; save the file as UTF-8, or use data.tokens: byte")
          }
          add(Self.cut(string, tokens), &numbers)
        }
        cut = first..<ids.count
        cuts[text] = cut
      }
      guard !cut.isEmpty else {
        let what = tokens == .word ? "has no word" : "is empty"
        throw .badData("\(table.location(row, name: 0)): the text \(what); remove the row")
      }
      starts.append(ids.count)
    }
    if ids.count > Int(Int32.max) {
      throw file.failure("\(ids.count) tokens are more than the \(Int32.max) that can be numbered")
    }
  }

  private mutating func add(_ tokens: [Name], _ numbers: inout [Name: Int32]) {
    for token in tokens {
      let number = numbers[token] ?? Int32(names.count)
      if Int(number) == names.count {
        numbers[token] = number
        names.append(token.text)
      }
      ids.append(number)
    }
  }

  private static func cut(_ text: String, _ tokens: TokenKind) -> [Name] {
    guard tokens == .word else { return text.unicodeScalars.map { Name(String($0)) } }
    let blanks = [space, tab, newline, carriageReturn]
    return text.utf8.split { blanks.contains($0) }.map { Name(Substring($0)) }
  }

  var count: Int { starts.count - 1 }
  var longest: Int { zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// How often each token occurs in the first rows.
  func counts(first rows: Int) -> [Name: Int] {
    var counts = [Int](repeating: 0, count: names.count)
    for id in ids[..<starts[rows]] { counts[Int(id)] += 1 }
    var named: [Name: Int] = [:]
    for (name, count) in zip(names, counts) where count > 0 { named[Name(name)] = count }
    return named
  }

  /// The tokens as numbers of a vocabulary; what it does not have is number 0, `Vocabulary.unknown`.
  func encoded(_ vocabulary: [String]) -> [Int32] {
    let numbers = Name.numbers(vocabulary)
    let map = names.map { numbers[Name($0)] ?? 0 }
    return ids.map { map[Int($0)] }
  }
}
