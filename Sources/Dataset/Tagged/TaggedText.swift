import Diagnostics
import Files

/// Sentences of tokens with tags: a line for each token, columns set apart by tabs (or blanks where a line has no tab), a blank
/// line behind each sentence.
///
/// As in CoNLL-U, lines that begin with `#` are remarks, and lines whose first column is a range or a decimal (`1-2`, `8.1`) are
/// no tokens of their own, where the tokens are not in the first column.
struct TaggedText {
  let file: InputFile
  private(set) var tokens: [Substring] = []
  private(set) var tags: [Substring] = []
  /// The first token of each sentence, and the end of the last.
  private(set) var starts: [Int] = [0]

  init(_ file: InputFile, tokenColumn: Int, tagColumn: Int) throws(Failure) {
    self.file = file
    guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw file.failure("is not UTF-8 text")
    }
    var number = 0
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      number += 1
      if line.allSatisfy(\.isWhitespace) {
        endSentence()
        continue
      }
      if line.first == "#", line.contains(" ") || !line.contains("\t") { continue }
      let columns =
        line.contains("\t")
        ? line.split(separator: "\t", omittingEmptySubsequences: false)
        : line.split(whereSeparator: \.isWhitespace)
      if tokenColumn > 0, Self.isNoToken(columns[0]) { continue }
      let last = max(tokenColumn, tagColumn)
      guard columns.count > last, !columns[tokenColumn].isEmpty, !columns[tagColumn].isEmpty else {
        throw .badData(
          "\(file.path), line \(number): has \(columns.count) columns; a token in column \(tokenColumn) and its tag in "
            + "column \(tagColumn) are wanted (data.token_column, data.tag_column, from 0)")
      }
      tokens.append(columns[tokenColumn])
      tags.append(columns[tagColumn])
    }
    endSentence()
    if tokens.isEmpty { throw file.failure("has no tokens") }
  }

  var sentences: Int { starts.count - 1 }

  private mutating func endSentence() {
    if tokens.count > starts.last! { starts.append(tokens.count) }
  }

  private static func isNoToken(_ number: Substring) -> Bool {
    number.first?.isNumber == true && number.contains { $0 == "-" || $0 == "." }
      && number.allSatisfy { $0.isNumber || $0 == "-" || $0 == "." }
  }
}

/// Sentences as samples: tokens in, a tag for each of them out.
struct TaggedSet: SampleSet {
  let shape: SampleShape
  /// Of all parts together.
  let tokens: [Int32]
  let tags: [Int32]
  let starts: [Int]
  /// This set's sentences.
  let sentences: Range<Int>

  var count: Int { sentences.count }
  func length(of sample: Int) -> Int {
    starts[sentences.lowerBound + sample + 1] - starts[sentences.lowerBound + sample]
  }

  func gather(_ samples: UnsafeBufferPointer<Int32>, into memory: BatchMemory) {
    guard let inputs = memory.tokens else { preconditionFailure("tokens need memory") }
    for sample in samples { precondition(sample >= 0 && Int(sample) < count, "sample number out of range") }
    var (row, step, active) = (0, 0, samples.count)
    while true {
      while active > 0, length(of: Int(samples[active - 1])) <= step { active -= 1 }
      if active == 0 { return }
      for sample in samples[..<active] {
        let token = starts[sentences.lowerBound + Int(sample)] + step
        inputs[row] = tokens[token]
        memory.classes[row] = tags[token]
        row += 1
      }
      step += 1
    }
  }
}
