import ArgumentParser
import Recur

struct Export: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model alone, for other programs.",
    discussion:
      "safetensors: tensors under the names of PyTorch's state_dict; load_state_dict takes them as they are.")

  @Argument(help: "A checkpoint, or a run directory for its newest one.") var checkpoint: String
  @Option(help: "The safetensors file to write.") var safetensors: String
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> ExportReport {
    let model = try CheckpointedModel(contentsOf: checkpoint)
    try CheckpointFile(reading: model.path).exportModel(to: safetensors)
    let layout = model.model.layout
    try console.say("\(layout.entries.count) tensors of \(model.path)")
    try console.say("written to \(safetensors)")
    return ExportReport(
      recipe: model.recipe.name, checkpoint: model.path, output: safetensors, parameters: layout.count,
      parametersSHA256: parametersSHA256(UnsafeBufferPointer(model.model.parameters)))
  }
}

struct ExportReport: CommandReport {
  var command = "export"
  let recipe: String
  let checkpoint: String
  let output: String
  let parameters: Int
  let parametersSHA256: String

  private enum CodingKeys: String, CodingKey {
    case command, recipe, checkpoint, output, parameters
    case parametersSHA256 = "parameters_sha256"
  }
}
