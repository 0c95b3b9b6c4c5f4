import ArgumentParser
import CUDA
import Files
import Recur

struct Inspect: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a recipe or a checkpoint holds: layers, shapes, parameter counts, state.")

  @Argument(help: "A recipe, a checkpoint, or a run directory for its newest checkpoint.") var file: String
  @Option(help: "Of a run directory, the checkpoint after so many steps.") var step: Int?
  @OptionGroup var settings: SettingOptions
  @Flag(help: "Print the training step as a GPU runs it: kernels, matrix products, buffers.") var program =
    false
  @Flag(
    help: "Of a recipe, print the data as the network gets them: shapes, parts, the scale, the first rows.")
  var data = false
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> InspectReport {
    let recipe = try RecipeText(ifRecipe: file)
    guard !program || recipe != nil else {
      throw Failure.usage("--program needs a recipe; a checkpoint does not say how long its batches are")
    }
    guard !data || recipe != nil else {
      throw Failure.usage("--data needs a recipe; recur evaluate measures a checkpoint on its data")
    }
    let report = try recipe.map(inspect) ?? inspectCheckpoint()
    for line in report.lines { try console.say(line) }
    if let program = report.program { try console.sayPage("\n\(program)") }
    return report
  }

  private func inspect(_ text: RecipeText) throws -> InspectReport {
    let recipe = try Recipe(text, overrides: settings.settings)
    let loaded = try data ? recipe.loadData() : nil
    let shape = try loaded?.shape ?? recipe.shapeOfColumns ?? recipe.loadData().shape
    let network = try recipe.network(for: shape)
    var report = InspectReport(.recipe, recipe, network, steps: shape.steps)
    report.data = loaded.map { DataSummary($0, recipe) }
    if program {
      let plan = recipe.devicePlan(network, shape, capacity: recipe.train.batchSize)
      try plan.requireProgram()
      report.program = StepProgram(plan, batch: recipe.train.batchSize).description
    }
    return report
  }

  /// Needs no data: the tensors' shapes say what the recipe leaves open.
  private func inspectCheckpoint() throws -> InspectReport {
    let checkpoint = try CheckpointedModel(
      noting: file, step.map { .step($0) } ?? .newest, overrides: settings.settings)
    let recipe = checkpoint.recipe
    let (network, steps) = try recipe.network(
      of: checkpoint.file.tensors.map { ($0.name, $0.shape) }, path: checkpoint.path)
    var report = InspectReport(.checkpoint, recipe, network, steps: steps ?? recipe.shapeOfColumns?.steps)
    report.checkpoint = CheckpointSummary(checkpoint.file)
    return report
  }
}

extension Recipe {
  /// The shape of a sample where the recipe says it without its data: columns of numbers.
  var shapeOfColumns: SampleShape? {
    guard data.hasWindows, !data.features.isEmpty, !data.targets.isEmpty, data.categorical.isEmpty else {
      return nil
    }
    var shape = SampleShape(
      steps: data.window, features: data.inputNames.count,
      target: .values(width: targetWidth))
    shape.hasTargetPerStep = data.perStep
    return shape
  }
}
