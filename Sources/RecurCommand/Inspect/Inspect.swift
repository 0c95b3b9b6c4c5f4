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
    let (network, steps) = try recipe.network(of: checkpoint.file)
    var report = InspectReport(.checkpoint, recipe, network, steps: steps ?? recipe.shapeOfColumns?.steps)
    report.checkpoint = CheckpointSummary(checkpoint.file)
    return report
  }
}

extension Recipe {
  /// Numbers to predict, of windows of a table.
  private var targetWidth: Int { data.targets.count * data.allHorizons.count }

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

extension CheckpointFile {
  fileprivate func has(_ name: String) -> Bool { tensors.contains { $0.name.hasSameBytes(as: name) } }
}

extension Recipe {
  /// The network whose tensors a file holds, and its time steps where they show in a shape.
  fileprivate func network(of file: CheckpointFile) throws -> (Network, steps: Int?) {
    func shape(_ name: String) throws -> [Int] {
      guard let tensor = file.tensors.first(where: { $0.name.hasSameBytes(as: name) }),
        tensor.shape.count == 2
      else {
        throw Failure.badData("\(file.path): tensor \(name) is missing")
      }
      return tensor.shape
    }
    let linears = model.head.count { if case .linear = $0 { true } else { false } }
    let isTiedOnly = model.tiesEmbeddings && linears == 1
    let read = linears == 0 || isTiedOnly ? nil : try shape(linears == 1 ? "fc.weight" : "fc0.weight")[1]
    let inputs = try model.cell == .none ? read ?? 1 : shape("rnn.weight_ih_l0")[1]
    let classes = try linears == 0 ? 0 : shape(model.tiesEmbeddings ? "embedding.weight" : "fc.weight")[0]
    var network = model.network
    while file.has(ParameterLayout.categoryName(network.categories.count)) {
      let size = try shape(ParameterLayout.categoryName(network.categories.count))
      network.categories.append(.init(vocabulary: size[0], width: size[1]))
    }
    guard inputs >= network.inputWidth else {
      throw Failure.badData("\(file.path): the categories' vectors are wider than what the network reads")
    }
    (network.inputSize, network.steps) = (inputs - network.inputWidth, 1)
    network.head = model.headLayers(for: .classes(count: classes))
    if let embedding = model.embedding {
      network.embedding = .init(vocabulary: try shape("embedding.weight")[0], width: embedding)
      network.embedding?.isTied = model.tiesEmbeddings
    }
    if model.decoder != nil {
      var tokens = SampleShape(steps: 1, features: network.inputSize, target: .values(width: targetWidth))
      if file.has("decoder_embedding.weight") {
        (tokens.sourceSteps, tokens.target) = (1, .classes(count: try shape("decoder_embedding.weight")[0]))
      }
      network.decoder = try decoder(for: tokens)
      network.readout = .everyStep
    }
    guard network.cell != .none, network.readout == .allSteps, let read else { return (network, nil) }
    network.steps = read / network.outputWidth
    return (network, network.steps)
  }
}
