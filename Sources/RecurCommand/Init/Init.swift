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

  @Argument(
    help:
      "CSV, .npy, an array as FILE.npz:ARRAY, .ts, UCR's .tsv, a text, or a folder of IDX images; gzip is undone."
  )
  var file: String
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
    if file.isEmpty { throw ValidationError("name the file to look at") }
    if wide, !target.isEmpty || !series.isEmpty || label != nil || text != nil {
      throw ValidationError("--wide is for tables whose columns are the series; give --time alone beside it")
    }
    if !target.isEmpty, label != nil { throw ValidationError("give --target or --label, not both") }
    if let horizon, !(1...10_000).contains(horizon) { throw ValidationError("--horizon must be 1 to 10000") }
    if let window, !(1...100_000).contains(window) { throw ValidationError("--window must be 1 to 100000") }
  }

  func execute(_ console: Console) throws -> InitReport {
    let path = Paths.absolute(file)
    guard file != "-", !OutputFile.isStream(path) else {
      let what = file == "-" ? "- is standard input" : "\(file) can be read once"
      throw Failure.usage("\(what), and a recipe names the file that is trained on: save it, and name that")
    }
    var draft = RecipeDraft()
    draft.remark(
      "A first recipe for \(Paths.name(of: path)), made by recur init. Train with: recur train FILE.yaml")
    let kind = try format ?? guessedFormat(path, &draft)
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
