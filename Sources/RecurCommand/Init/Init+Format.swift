import Dataset
import Files
import Recur

/// What a file is that nobody has described.
extension Init {
  /// By what the file begins with and, where that could be several things, by what it is called.
  func guessedFormat(_ path: String, _ draft: inout RecipeDraft) throws -> Format {
    if Paths.isFolder(path) {
      try requireImages(path)
      return .idx
    }
    if NPYFile.isOfArchive(path) { return .npy }
    let file = try InputFile(path: path, key: "FILE")
    let start = file.withBytes { Array($0.prefix(Self.head)) }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return .npy }
    let ending = Paths.ending(of: path.hasBytes(last: ".gz") ? String(path.dropLast(3)) : path)
    try refuseOthers(start, path, ending)
    var lines = Lines.texts(of: start).map { Array($0.utf8.drop { $0 == 32 || $0 == 9 }) }
    let texts = lines.filter { !$0.isEmpty }
    if texts.first(where: { $0.first != UInt8(ascii: "#") })?.first == UInt8(ascii: "@") { return .ts }
    if wide || target.count + series.count > 0 || [label, text, time].contains(where: { $0 != nil }) {
      return .csv
    }
    if Self.isOfArchive(path, ending, texts) {
      draft.guess(
        "format: ts, a table of UCR's archive: on each line a class, then a series; --format csv else")
      return .ts
    }
    let marks = [",", ";", "|", "\t"].map { UInt8(ascii: $0.unicodeScalars.first!) }
    let used = marks.filter { mark in texts.prefix(20).allSatisfy { $0.contains(mark) } }
    // The last line may be cut off.
    if start.count == Self.head { lines.removeLast() }
    if used.allSatisfy({ $0 == 9 }), Self.areSentences(lines) {
      draft.guess(
        "format: tagged, tokens with tags and a blank line after each sentence; --format names another")
      return .tagged
    }
    return !used.isEmpty || ["csv", "tsv", "tab"].contains(ending) ? .csv : .text
  }

  /// So many bytes say what a file is.
  private static let head = 1 << 16

  /// A folder is one of images, unless it has tables.
  private func requireImages(_ folder: String) throws {
    let files = Paths.files(in: folder)
    // text: files' endings and beginnings.
    let tables = files.filter { $0.hasBytes(last: ".csv") || $0.hasBytes(last: ".csv.gz") }
    let hasImages = files.contains { Paths.name(of: $0).hasPrefix("train-images") }
    if hasImages { return }
    guard let first = tables.sorted(by: { Name($0) < Name($1) }).first else {
      throw Failure.missingInput(
        "\(folder) is a folder with neither tables (.csv) nor images (train-images-idx3-ubyte); name a file")
    }
    let count = tables.count == 1 ? "a CSV file" : "\(tables.count) CSV files"
    throw Failure.usage(
      "\(folder) is a folder with \(count): run init on one of them, such as \(ShellWords.quoted([first])); in its recipe data.paths, "
        + "a list or a pattern, in place of data.path reads them all")
  }

  /// Formats that are to be saved as another one.
  private func refuseOthers(_ start: [UInt8], _ path: String, _ ending: String) throws {
    for (mark, what) in [
      ("PAR1", "Parquet; launch/data/from_parquet.py makes CSV of it"),
      ("PK\u{3}\u{4}", "a zip archive; save the sheet of a workbook as CSV"),
      ("\u{D0}\u{CF}\u{11}\u{E0}", "a workbook of Excel; save its sheet as CSV"),
      ("SQLite format 3\u{0}", "a database of SQLite; save a table of it as CSV"),
      ("\u{89}HDF", "HDF5; save its arrays as .npy"),
    ] where start.starts(with: mark.unicodeScalars.map { UInt8($0.value) }) {
      throw Failure.badData("\(path) is \(what)")
    }
    let first = start.first { !" \t\r\n".utf8.contains($0) }
    if ["json", "jsonl", "ndjson", "geojson"].contains(ending),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    {
      throw Failure.badData("\(path) is JSON; save its records as CSV, a column for each key")
    }
    if ending == "arff" {
      throw Failure.badData("\(path) is ARFF; save a table as CSV, and of series take the archive's .ts file")
    }
  }

  /// Whether it is called like a file of UCR's archive, and its first lines hold numbers between tabs.
  private static func isOfArchive(_ path: String, _ ending: String, _ lines: [[UInt8]]) -> Bool {
    let name = Paths.stem(of: path.hasBytes(last: ".gz") ? String(path.dropLast(3)) : path)
    guard name.hasBytes(last: "_TRAIN") || name.hasBytes(last: "_TEST"), ["tsv", "txt"].contains(ending)
    else {
      return false
    }
    return lines.prefix(3).allSatisfy { line in
      line.contains(9)
        && line.split(separator: 9).allSatisfy { Double(String(decoding: $0, as: UTF8.self)) != nil }
    }
  }

  /// Whether lines of equally many words, two or more, stand in groups with a blank line between them.
  private static func areSentences(_ lines: [[UInt8]]) -> Bool {
    let end = lines.lastIndex { !$0.isEmpty } ?? 0
    let own = lines.prefix(end + 1).drop { $0.isEmpty }
    let words = own.filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }.map { line in
      line.contains(9) ? line.count { $0 == 9 } + 1 : line.split(separator: 32).count
    }
    guard own.contains([]), words.count >= 6, let first = words.first else { return false }
    return first > 1 && words.allSatisfy { $0 == first }
  }
}
