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
      onnx: the network itself (opset 17), for ONNX Runtime and others: "input" [batch, time, features] in the units of the data \
      file, "categories" and "tokens" as their numbers, "lengths" where sequences have their own; "output", and of classes \
      "probabilities". Of a text model the states go in (h0_l0, c0_l0) and come out (hn_l0, cn_l0). With data.relative "base" are the \
      values that changes count from, with data.scale_per: series "series" numbers whose scales are taken. Of pairs two networks, \
      NAME-encoder.onnx and NAME-decoder.onnx: the second takes what the first gives, and one token. Their metadata say the rest.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @Option(help: "The safetensors file to write, or - for standard output.") var safetensors: String?
  @Option(help: "The NumPy archive to write, or - for standard output.") var npz: String?
  @Option(help: "The ONNX file to write, or - for standard output; of pairs what two files are named after.")
  var onnx: String?
  @Flag(help: "onnx: numbers go in and come out as the network has them, without scales and probabilities.")
  var raw = false
  @OptionGroup var output: OutputOptions

  /// What was asked for, by its option.
  private var targets: [(path: String, option: String, contents: OutputContents)] {
    [
      (safetensors, "--safetensors", OutputContents.safetensors), (npz, "--npz", .arrays),
      (onnx, "--onnx", .onnx),
    ].compactMap { path, option, contents in path.map { ($0, option, contents) } }
  }
  var outputPath: String? { targets.first?.path }

  func validate() throws {
    guard targets.count == 1 else {
      throw ValidationError("give --safetensors FILE, --npz FILE or --onnx FILE: what to write, and where")
    }
    guard !raw || onnx != nil else { throw ValidationError("--raw belongs to --onnx") }
  }

  func execute(_ console: Console) throws -> ExportReport {
    let model = try CheckpointedModel(noting: checkpoint, choice.choice)
    let (path, option, contents) = targets[0]
    let paths = try onnx == nil ? [path] : model.onnxPaths(path, option: option)
    let inputs = model.files(checkpoint)
    let files = try paths.map { try OutputFile($0, option: option, of: contents, notOver: inputs) }
    if onnx != nil {
      try model.exportONNX(to: files, raw: raw)
    } else {
      try npz == nil ? model.file.exportModel(to: files[0]) : model.file.exportArrays(to: files[0])
    }
    let tensors = model.file.modelTensors
    try console.say("\(tensors.count) tensors of \(model.named)")
    try console.say("written to \(paths.joined(separator: " and "))")
    return ExportReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: paths[0],
      outputs: paths, tensors: tensors.count,
      parameters: tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })
  }
}

struct ExportReport: CommandReport {
  var command = "export"
  let recipe: String
  let checkpoint: String
  let chosenBy: ChosenBy?
  /// The first of the outputs.
  let output: String
  /// Two of pairs as ONNX, else one.
  let outputs: [String]
  let tensors: Int
  let parameters: Int
}
