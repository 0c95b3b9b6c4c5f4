// example begins: Train.md
import Recur

/// Trains as `recur train FILE --out FOLDER` does.
func train(_ path: String, out folder: String, overrides: [String] = []) throws -> TrainingReport {
  let group = try ProcessGroup.fromEnvironment()
  let recipe = try Recipe(contentsOf: path, overrides: overrides)
  let data = try LoadedData(recipe.data, group: group)
  var options = TrainingOptions()
  options.outputDirectory = folder
  let trainer = try Trainer(recipe: recipe, data: data, options: options, group: group)
  let report = try trainer.run()
  try group.finish()
  return report
}
// example ends

// example begins: Train.md
/// The predictions of a run's best checkpoint for the first samples of its test part.
func predict(_ run: String, samples: Int) throws -> Tensor {
  let checkpoint = try CheckpointedModel(contentsOf: run)
  let data = try checkpoint.loadData()
  guard let test = data.test else { throw Failure.badData("\(run) has no test part") }
  let batch = test.batch((0..<Int32(samples)).map { $0 })
  return try checkpoint.model(for: data.shape).predict(batch)
}
// example ends
