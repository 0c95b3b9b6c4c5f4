import ArgumentParser
import Dataset
import Files
import Recur

struct Init: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Looks at a data file and prints a commented recipe for it that trains as it stands.",
    discussion: """
      recur init prices.csv --target Close --horizon 24 > prices.yaml, then recur train prices.yaml. What was guessed goes to \
      standard error.
      """)

  @Argument(help: "CSV, .npy, .ts, UCR's .tsv, a text, or a folder of IDX images; gzip is undone.") var file:
    String
  @Option(parsing: .upToNextOption, help: "Columns to predict as numbers.") var target: [String] = []
  @Option(help: "The column of the class to predict; npy: the file with labels or targets.") var label:
    String?
  @Option(help: "The column of texts to read, word by word.") var text: String?
  @Option(help: "The column of times.") var time: String?
  @Option(parsing: .upToNextOption, help: "Columns that tell series apart.") var series: [String] = []
  @Flag(help: "Each column of numbers is a series of its own.") var wide = false
  @Option(help: "Predict each of so many steps ahead.") var horizon: Int?
  @Option(help: "Rows that the network sees.") var window: Int?
  @Option(
    help:
      "What the file is, where that does not show: \(Format.allCases.map(\.rawValue).joined(separator: ", "))."
  )
  var format: Format?
  @OptionGroup var output: OutputOptions

  typealias Format = DataSpecification.Format

  func validate() throws {
    if wide, !target.isEmpty || !series.isEmpty || label != nil || text != nil {
      throw ValidationError("--wide is for tables whose columns are the series; give --time alone beside it")
    }
    if !target.isEmpty, label != nil { throw ValidationError("give --target or --label, not both") }
    if let horizon, !(1...10_000).contains(horizon) { throw ValidationError("--horizon must be 1 to 10000") }
    if let window, !(1...100_000).contains(window) { throw ValidationError("--window must be 1 to 100000") }
  }

  func execute(_ console: Console) throws -> InitReport {
    let path = Paths.absolute(file)
    var draft = RecipeDraft()
    draft.remark(
      "A first recipe for \(Paths.name(of: path)), made by recur init. Train with: recur train FILE.yaml")
    let kind = try format ?? guessedFormat(path)
    switch kind {
    case .csv: try TableDraft(self, path).write(&draft)
    case .npy: try writeArrays(path, &draft)
    case .ts, .idx: try writeSeries(path, kind, &draft)
    case .text, .tagged, .pairs: try writeTokens(path, kind, &draft)
    }
    let recipe = try Recipe(yaml: draft.yaml, path: "the recipe for \(path)", baseDirectory: "/")
    let data = try recipe.loadData()
    _ = try recipe.requireTrainable(on: data)
    for guess in draft.guesses { Console.note("recur: \(guess)") }
    try console.write(Array(draft.yaml.utf8))
    return InitReport(
      format: kind.rawValue, recipe: draft.yaml, guesses: draft.guesses, samples: data.train?.count ?? 0)
  }

  /// A folder is one of images, unless it has tables.
  private func requireImages(_ folder: String) throws {
    let files = Paths.files(in: folder)
    // text: files' endings and beginnings.
    let tables = files.filter { $0.hasBytes(last: ".csv") || $0.hasBytes(last: ".csv.gz") }
    let hasImages = files.contains { Paths.name(of: $0).hasPrefix("train-images") }
    guard !hasImages, let first = tables.sorted(by: { Name($0) < Name($1) }).first else { return }
    let count = tables.count == 1 ? "a CSV file" : "\(tables.count) CSV files"
    throw Failure.usage(
      "\(folder) is a folder with \(count): run init on one of them, such as \(ShellWords.quoted([first])); in its recipe data.paths, "
        + "a list or a pattern, in place of data.path reads them all")
  }

  /// By what the file begins with.
  private func guessedFormat(_ path: String) throws -> Format {
    if Paths.isFolder(path) {
      try requireImages(path)
      return .idx
    }
    let file = try InputFile(path: path, key: "FILE")
    let start = file.withBytes { Array($0.prefix(1 << 16)) }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return .npy }
    for (mark, remedy) in [
      ("PAR1", "Parquet; launch/data/from_parquet.py makes CSV of it"),
      (
        "PK\u{3}\u{4}",
        "a zip archive; of an .npz a recipe asks by data.path: FILE.npz:ARRAY, tables are to be saved as CSV"
      ),
      ("\u{89}HDF", "HDF5; save its arrays as .npy"),
    ] where start.starts(with: mark.unicodeScalars.map { UInt8($0.value) }) {
      throw Failure.badData("\(path) is \(remedy)")
    }
    let lines = Lines.texts(of: start).map { $0.utf8.drop { $0 == 32 || $0 == 9 } }.filter { !$0.isEmpty }
    if lines.first(where: { $0.first != UInt8(ascii: "#") })?.first == UInt8(ascii: "@") { return .ts }
    let marks = [",", ";", "\t", "|"].map { UInt8(ascii: $0.unicodeScalars.first!) }
    let isTable = wide || target.count + series.count > 0 || [label, text, time].contains { $0 != nil }
    let hasMarks = marks.contains { mark in lines.prefix(20).allSatisfy { $0.contains(mark) } }
    return isTable || hasMarks || path.hasBytes(last: ".csv") ? .csv : .text
  }
}

struct InitReport: CommandReport {
  var command = "init"
  let format: String
  let recipe: String
  let guesses: [String]
  /// Of training.
  let samples: Int
}

extension DataSpecification.Format: ExpressibleByArgument {}
