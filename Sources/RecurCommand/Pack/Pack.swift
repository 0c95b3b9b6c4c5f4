import ArgumentParser
import Dataset
import Diagnostics
import Files
import Recur

struct Pack: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Packs CSV, JSON lines or texts into shards, which training reads without parsing and beyond memory.",
    discussion: """
      The folder takes the place of the files: data.path names it, and format and all other keys stay as they are. It holds \
      shard-000000.npy and so on, arrays for numpy.load, and index.json, which says what their columns or tokens are and has the \
      SHA-256 of each. csv and jsonl become rows of numbers, float64 as they were read (the same training, to the bit) or float32; \
      columns of texts, such as labels, become numbers into a list. text becomes tokens, of as few bytes as they need.
      recur pack DIR --check reads all of a folder and compares its checksums.
      launch/data/from_parquet.py FILE --pack DIR makes such a folder of Parquet.
      """)

  enum PackedFormat: String, ExpressibleByArgument, CaseIterable { case csv, jsonl, text }
  enum PackedTokens: String, ExpressibleByArgument, CaseIterable { case char, byte, word }
  enum Number: String, ExpressibleByArgument, CaseIterable { case float64, float32 }

  @Argument(
    help: "The files, in the order in which their rows or tokens follow one another; with --check the folder."
  )
  var inputs: [String]
  @Option(help: "The folder to make.") var out: String?
  @Option(help: "What the files are (default: as their names end).") var format: PackedFormat?
  @Option(help: "csv, jsonl: the columns to keep, with commas between them (default: all).") var columns:
    String?
  @Option(help: "csv, jsonl: those of the columns that are texts, with commas between them.") var texts:
    String?
  @Option(help: "text: what it is cut into, char, byte or word.") var tokens: PackedTokens = .char
  @Option(help: "jsonl with --format text: the field that holds the texts, each a line.") var field: String?
  @Option(help: "csv: what separates columns: one character.") var delimiter = ","
  @Option(help: "csv, jsonl: how numbers are kept.") var dtype: Number = .float64
  @Option(help: "Bytes of a shard.") var shardSize = "64MiB"
  @Flag(help: "Compare the checksums of a folder that was packed before.") var check = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard check != (out != nil) else {
      throw ValidationError("give --out DIR, the folder to make, or --check")
    }
    guard !check || inputs.count == 1 else { throw ValidationError("--check takes one folder") }
    guard ByteCount.read(shardSize) != nil else {
      throw ValidationError("--shard-size must be an amount of memory such as 64MiB")
    }
    guard delimiter.utf8.count == 1 else { throw ValidationError("--delimiter must be one character") }
    guard field == nil || format == .text else { throw ValidationError("--field belongs to --format text") }
  }

  func execute(_ console: Console) throws -> PackReport {
    if check {
      let index = try PackIndex.check(inputs[0])
      try console.say("\(index.shards.count) shards with \(index.rows) rows are as they were written")
      return PackReport(index, folder: inputs[0])
    }
    let folder = Paths.absolute(out ?? "")
    try Paths.makeEmptyFolder(folder, option: "--out")
    let index = try kind == .text ? packTexts(folder) : packTable(folder)
    let file = try OutputFile("\(folder)/\(PackIndex.fileName)", option: "--out")
    try index.bytes.withUnsafeBytes { try file.write($0) }
    try file.close()
    let things = index.kind == .text ? "tokens" : "rows"
    try console.say("\(index.rows) \(things) in \(index.shards.count) shards, written to \(folder)")
    return PackReport(index, folder: folder)
  }

  private var kind: PackedFormat {
    if let format { return format }
    switch Paths.ending(of: inputs[0]) {
    case "jsonl", "ndjson": return .jsonl
    case "csv", "tsv": return .csv
    default: return .text
    }
  }

  private var size: Int { ByteCount.read(shardSize) ?? 1 }

  private func packTexts(_ folder: String) throws -> PackIndex {
    let files = try inputs.map { path -> InputFile in
      if let field { return try JSONLines.texts(of: path, field: field) }
      // Read piece by piece, after a look at the mark in front.
      return try InputFile(path: path, key: "IN", allowsStream: true) { 0..<min($0, 16) }
    }
    return try TextPacker.pack(
      files, DataSpecification.Tokens(rawValue: tokens.rawValue)!, to: folder, size: size)
  }

  private func packTable(_ folder: String) throws -> PackIndex {
    func list(_ text: String?) -> [String] { text.map { $0.split(separator: ",").map(String.init) } ?? [] }
    let names = try columns == nil ? allColumns : list(columns)
    let packer = try TablePacker(
      folder, columns: names, texts: list(texts), isSingle: dtype == .float32, size: size)
    for path in inputs {
      if kind == .csv {
        try packer.add(path, delimiter: delimiter.utf8.first!, key: "IN")
      } else {
        try JSONLines.add(path, to: packer)
      }
    }
    return try packer.finish()
  }

  /// Those of the first file.
  private var allColumns: [String] {
    get throws {
      guard kind == .csv else { return try JSONLines.columns(of: inputs[0]) }
      let file = try InputFile(path: inputs[0], key: "IN") { 0..<min($0, 1 << 20) }
      return try CSVHeader(file, delimiter: delimiter.utf8.first!, hasNames: true).names
    }
  }
}

struct PackReport: CommandReport {
  var command = "pack"
  let folder: String
  let kind: String
  let rows: Int
  let shards: Int
  let bytes: Int

  init(_ index: PackIndex, folder: String) {
    (self.folder, kind, rows) = (folder, index.kind.rawValue, index.rows)
    (shards, bytes) = (index.shards.count, index.shards.reduce(0) { $0 + $1.bytes })
  }
}
