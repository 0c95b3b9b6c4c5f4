import ArgumentParser
import Files
import Recur

struct Export: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model alone, for other programs.",
    discussion:
      "safetensors: tensors under the names of PyTorch's state_dict; load_state_dict takes them as they are.")

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @Option(help: "The safetensors file to write, or - for standard output.") var safetensors: String
  @OptionGroup var output: OutputOptions

  var outputPath: String? { safetensors }

  func execute(_ console: Console) throws -> ExportReport {
    let model = try CheckpointedModel(noting: checkpoint, choice.choice)
    let file = try OutputFile(safetensors, option: "--safetensors", notOver: model.files(checkpoint))
    try model.file.exportModel(to: file)
    let tensors = model.file.modelTensors
    try console.say("\(tensors.count) tensors of \(model.named)")
    try console.say("written to \(safetensors)")
    return ExportReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: safetensors,
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
