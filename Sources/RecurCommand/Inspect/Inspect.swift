import ArgumentParser
import Foundation
import Recur

struct Inspect: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a recipe or a checkpoint holds: layers, shapes, parameter counts, state.")

  @Argument(help: "A recipe, a checkpoint, or a run directory for its newest checkpoint.") var file: String
  @OptionGroup var settings: SettingOptions
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> InspectReport {
    let report = try isRecipe ? inspectRecipe() : inspectCheckpoint()
    for line in report.lines { try console.say(line) }
    return report
  }

  /// Text is a recipe; a checkpoint starts with the length of its header, whose upper bytes are zero.
  private var isRecipe: Bool {
    get throws {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
        throw Failure.missingInput("\(file): no such recipe, checkpoint or run")
      }
      if isFolder.boolValue { return false }
      guard let handle = FileHandle(forReadingAtPath: file) else {
        throw Failure.missingInput("\(file): can't be opened; check its permissions")
      }
      defer { try? handle.close() }
      return try handle.read(upToCount: 8)?.contains(0) != true
    }
  }

  private func inspectRecipe() throws -> InspectReport {
    let recipe = try Recipe(contentsOf: file, overrides: settings.settings)
    return InspectReport(
      kind: .recipe, recipe: recipe, architecture: try recipe.architecture(for: recipe.sampleShape()))
  }

  private func inspectCheckpoint() throws -> InspectReport {
    let model = try CheckpointedModel(contentsOf: file, overrides: settings.settings)
    var report = InspectReport(
      kind: .checkpoint, recipe: model.recipe, architecture: model.model.architecture)
    report.checkpoint = CheckpointSummary(try CheckpointFile(reading: model.path))
    return report
  }
}

extension Recipe {
  /// The shape of a sample; reads the data only where the recipe does not say it.
  fileprivate func sampleShape() throws -> SampleShape {
    if data.format == .csv, data.label == nil, !data.features.isEmpty, !data.targets.isEmpty {
      return SampleShape(
        steps: data.window, features: data.features.count, target: .values(width: data.targets.count))
    }
    return try loadData().shape
  }
}
