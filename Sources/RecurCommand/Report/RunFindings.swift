import Diagnostics
import Files
import Recur

/// What a page tells of one run: what its folder holds, and what its parameters do with its data now.
struct RunFindings {
  /// A part of the data, measured.
  struct MeasuredPart {
    var split: DataPart
    var metrics: EvaluationMetrics
    var details: EvaluationDetails
  }

  let summary: RunSummary
  /// nil where it can't be read; the summary's notes say why.
  let log: RunLog?
  private let choice: RunDirectory.Selection
  private(set) var checkpoint: CheckpointedModel?
  private(set) var data: DataSummary?
  private(set) var parts: [MeasuredPart] = []
  private(set) var predictions: Panel?
  private(set) var series: SeriesErrors?
  /// What comes after the last rows.
  private(set) var future: [Panel] = []
  /// Why there is nothing to say about the data, or about the predictions.
  private(set) var missing: [String] = []

  init(run path: String, _ choice: RunDirectory.Selection) throws(Failure) {
    summary = try RunSummary(run: path)
    log = try? RunLog(run: path)
    self.choice = choice
  }

  /// Its short name on the page.
  var name: String { summary.recipe?.name ?? Paths.name(of: summary.path) }

  /// Reads the checkpoint, loads the data and measures. What can't be done is said in `missing`; nothing is thrown.
  mutating func measure() {
    do {
      checkpoint = try CheckpointedModel(contentsOf: summary.path, choosing: choice)
    } catch let failure as Failure where failure.kind == .missingInput {
      missing.append("There is no checkpoint yet, so nothing is measured or predicted here.")
    } catch {
      missing.append("The checkpoint can't be used: \(error)")
    }
    if let checkpoint { measure(checkpoint) }
  }

  private mutating func measure(_ checkpoint: CheckpointedModel) {
    do {
      let data = try checkpoint.loadData()
      self.data = DataSummary(data, checkpoint.recipe)
      if !data.fingerprint.hasSameBytes(as: checkpoint.file.state.dataFingerprint) {
        missing.append("The data files are not those that this run was trained on: they were changed since.")
      }
      let model = try checkpoint.model(for: data.shape)
      try evaluate(checkpoint, data, model)
      try predict(checkpoint, data, model)
    } catch {
      missing.append("The data can't be read or predicted now: \(error)")
    }
    if data != nil { forecast(checkpoint) }
  }

  /// Lets go of what takes memory, once it is on the page.
  mutating func forget() {
    (checkpoint, data, parts, predictions, series, future) = (nil, nil, [], nil, nil, [])
  }

  private mutating func evaluate(_ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model) throws {
    let evaluator = Evaluator(
      model: model, loss: checkpoint.recipe.loss, scaler: data.scaler,
      beam: checkpoint.recipe.model.decoder?.beam ?? 1)
    parts = try data.parts(nil).map { part in
      let (metrics, details) = try evaluator.examine(
        part.samples, classNames: data.classNames, targetNames: data.targetNames)
      return MeasuredPart(split: part.split, metrics: metrics, details: details)
    }
  }

  /// Of numbers alone: texts and pairs have no picture, classes have their confusions.
  private mutating func predict(_ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model) throws {
    guard data.shape.sourceSteps == nil, case .values = data.shape.target, let last = parts.last?.split
    else { return }
    var errors = SeriesErrors(checkpoint.recipe.data.targets)
    let all = try Predictions(checkpoint, data, model: model)
    predictions = try Panel.predictions(checkpoint.recipe, all) { split, sample in
      if split == last { errors.add(sample) }
    }
    series = errors.rows.isEmpty ? nil : errors
  }

  /// Runs whose samples nothing follows have no forecast, and need none to be told.
  private mutating func forecast(_ checkpoint: CheckpointedModel) {
    guard let forecaster = try? Forecaster(checkpoint) else { return }
    do {
      let forecast = try forecaster.forecast(checkpoint.recipe.data.going(on: nil, known: nil))
      future = forecast.series.indices.prefix(Panel.mostFutures).map {
        .future(forecast, series: $0, checkpoint.recipe.loss)
      }
    } catch {
      missing.append("There is no forecast after the last rows: \(error)")
    }
  }
}
