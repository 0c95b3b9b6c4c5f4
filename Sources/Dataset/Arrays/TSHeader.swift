import Diagnostics
import Files

/// The `@` lines of a `.ts` file.
package struct TSHeader: Sendable {
  /// In the order of `@classLabel`, which is the order of their numbers.
  package private(set) var classNames: [String] = []
  private(set) var classNumbers: [Name: Int32] = [:]
  package private(set) var hasTargetValues = false
  private(set) var dimensions: Int?
  private(set) var seriesLength: Int?
  private(set) var declaresEqualLength = false
  /// Whether each value stands in parentheses after its time stamp.
  private(set) var hasTimeStamps = false
  /// Whether `@data` was read.
  private(set) var isComplete = false

  init() {}

  /// Of a table without a header.
  init(classNames: [String]) {
    self.classNames = classNames
    classNumbers = Name.numbers(classNames)
    isComplete = true
  }

  /// - targets: whether there must be a class or a value for each series.
  mutating func read(_ line: TSLines.Line, _ file: InputFile, _ targets: TSFile.Requirement) throws(Failure) {
    let words = String(decoding: line.bytes, as: UTF8.self).split { $0 == " " || $0 == "\t" }.map(String.init)
    func failure(_ what: String) -> Failure { .badData("\(file.location(line: line.number)): \(what)") }
    // text: a word of the format, in letters of either case.
    guard let key = words.first?.lowercased(), key.hasPrefix("@") else {
      throw failure("expected a line of the header, such as @problemName or @data, not \(quoted(words[0]))")
    }
    switch key {
    case "@problemname": break
    case "@equallength":
      // text: a word of the format, in letters of either case.
      declaresEqualLength = words.last?.lowercased() == "true"
    case "@timestamps":
      // text: a word of the format, in letters of either case.
      hasTimeStamps = words.last?.lowercased() == "true"
    // What is missing shows in the data.
    case "@missing": break
    case "@univariate":
      // text: a word of the format, in letters of either case.
      if words.last?.lowercased() == "true" { dimensions = dimensions ?? 1 }
    case "@dimensions", "@dimension": dimensions = try size(words, failure)
    case "@serieslength": seriesLength = try size(words, failure)
    case "@classlabel": try readClasses(words, failure)
    // text: a word of the format, in letters of either case.
    case "@targetlabel": hasTargetValues = words.dropFirst().first?.lowercased() == "true"
    case "@data":
      guard hasTargetValues || !classNames.isEmpty || targets != .all else {
        throw failure("there is no @classLabel or @targetLabel with true before the data")
      }
      isComplete = true
    default: throw failure("unknown header line \(quoted(words[0]))")
    }
  }

  private func size(_ words: [String], _ failure: (String) -> Failure) throws(Failure) -> Int {
    guard words.count == 2, let size = Int(words[1]), size > 0 else {
      throw failure("\(words[0]) needs a whole number of at least 1")
    }
    return size
  }

  private mutating func readClasses(_ words: [String], _ failure: (String) -> Failure) throws(Failure) {
    // text: a word of the format, in letters of either case.
    guard words.dropFirst().first?.lowercased() == "true" else { return }
    guard words.count > 2 else { throw failure("@classLabel true needs the names of the classes") }
    for name in words.dropFirst(2) {
      guard classNumbers[Name(name)] == nil else { throw failure("class \(quoted(name)) is named twice") }
      classNumbers[Name(name)] = Int32(classNames.count)
      classNames.append(name)
    }
  }
}

/// The lines of a `.ts` file that hold something: no blank lines, and no comments (# or %) in the header. In the data there are no
/// comments, as in sktime and aeon.
struct TSLines {
  struct Line {
    let bytes: UnsafeBufferPointer<UInt8>
    /// From 1.
    let number: Int
  }

  private var lines: Lines

  init(_ text: UnsafeBufferPointer<UInt8>) { lines = Lines(text) }

  mutating func next(inHeader: Bool) -> Line? {
    while let text = lines.next() {
      let line = trimmed(text[...])
      guard let first = line.first else { continue }
      if inHeader, first == UInt8(ascii: "#") || first == UInt8(ascii: "%") { continue }
      return Line(bytes: UnsafeBufferPointer(rebasing: line), number: lines.number)
    }
    return nil
  }
}
