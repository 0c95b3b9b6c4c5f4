import Diagnostics

/// What a command writes into a file, and the endings of names that say so.
///
/// A name that ends like a file of another format would be taken for one by whoever reads it: it is refused. An ending that belongs to
/// no format, or none, may stand for anything.
package struct OutputContents: Sendable {
  private let words: String
  /// In small letters, without the point; a name is best given the first.
  private let endings: [String]
  /// Of what the command writes as well where the name asks for it.
  private let others: [String]

  private init(_ words: String, _ endings: String..., others: [String] = []) {
    (self.words, self.endings, self.others) = (words, endings, others)
  }

  package static let table = OutputContents("CSV", "csv")
  /// Of a command that writes JSON lines and arrays too.
  package static let predictions = OutputContents("CSV", "csv", others: ["jsonl", "npy"])
  package static let lines = OutputContents("JSON lines", "jsonl", "ndjson", "json")
  package static let array = OutputContents("a NumPy array", "npy")
  package static let arrays = OutputContents("a NumPy archive", "npz")
  package static let safetensors = OutputContents("safetensors", "safetensors")
  package static let onnx = OutputContents("ONNX", "onnx")
  package static let page = OutputContents("HTML", "html", "htm")
  package static let trace = OutputContents("JSON", "json")

  /// Whether a name asks for this.
  package func isAskedFor(by path: String) -> Bool {
    let ending = Paths.ending(of: path)
    return endings.contains { $0.hasSameBytes(as: ending) }
  }

  /// Throws `usage` where the name asks for another format.
  /// - option: what it was named by.
  func check(_ path: String, option: String) throws(Failure) {
    let ending = Paths.ending(of: path)
    guard !isAskedFor(by: path), Self.known.contains(Name(ending)) else { return }
    let better = (endings.prefix(1) + others).map { ".\($0)" }
    let list =
      better.count == 1 ? better[0] : better.dropLast().joined(separator: ", ") + " or " + better.last!
    throw .usage(
      "\(option) \(path): \(words) is what is written, and .\(ending) is the ending of something else; end the name in \(list)"
    )
  }

  /// Endings of formats that other programs open by them.
  private static let known: Set<Name> = {
    let tables = "csv tsv tab psv parquet pq feather arrow ipc orc avro xlsx xlsm xls ods numbers arff ts"
    let arrays =
      "npy npz h5 hdf hdf5 he5 nc nc4 zarr mat pt pth ckpt pkl pickle joblib safetensors onnx tflite pb gguf"
    let statistics = "rds rda rdata dta sav sas7bdat xpt db sqlite sqlite3 duckdb sql"
    let texts = "json jsonl ndjson yaml yml toml xml html htm md rst tex rtf doc docx odt pdf ps eps"
    let pictures = "svg png jpg jpeg gif webp bmp tif tiff ico"
    let packed = "gz tgz bz2 xz zst lz4 z 7z zip rar tar"
    let all = [tables, arrays, statistics, texts, pictures, packed].flatMap { $0.split(separator: " ") }
    return Set(all.map { Name($0) })
  }()
}
