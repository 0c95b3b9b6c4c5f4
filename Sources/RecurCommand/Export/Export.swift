import ArgumentParser
import Files
import Recur

struct Export: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model alone, for other programs.",
    discussion: """
      safetensors: tensors under the names of PyTorch's state_dict; load_state_dict takes them as they are. Its metadata say the \
      rest: recipe (YAML), scaler with its formulas, vocabulary, classes, categories (JSON). evaluate, predict, forecast, \
      inspect and --init-from take such a file as they take a checkpoint; launch/python/load.py builds the module in PyTorch.
      npz: the same for numpy.load, an array for each tensor, and texts whose names begin with metadata.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @Option(help: "The safetensors file to write, or - for standard output.") var safetensors: String?
  @Option(help: "The NumPy archive to write, or - for standard output.") var npz: String?
  @OptionGroup var output: OutputOptions

  var outputPath: String? { safetensors ?? npz }

  func validate() throws {
    guard (safetensors == nil) != (npz == nil) else {
      throw ValidationError("give --safetensors FILE or --npz FILE: what to write, and where")
    }
  }

  func execute(_ console: Console) throws -> ExportReport {
    let model = try CheckpointedModel(noting: checkpoint, choice.choice)
    let (path, option) = safetensors.map { ($0, "--safetensors") } ?? (npz ?? "-", "--npz")
    let file = try OutputFile(path, option: option, notOver: model.files(checkpoint))
    try npz == nil ? model.file.exportModel(to: file) : model.file.exportArrays(to: file)
    let tensors = model.file.modelTensors
    try console.say("\(tensors.count) tensors of \(model.named)")
    try console.say("written to \(path)")
    return ExportReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: path,
      tensors: tensors.count,
      parameters: tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })
  }
}

struct ExportReport: CommandReport {
  var command = "export"
  let recipe: String
  let checkpoint: String
  let chosenBy: ChosenBy?
  let output: String
  let tensors: Int
  let parameters: Int
}
