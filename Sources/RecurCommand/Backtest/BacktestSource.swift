import Files
import FoundationEssentials
import Recur

/// Where the parameters of each fold come from.
protocol BacktestSource: AnyObject {
  var recipe: Recipe { get }
  /// Files that the backtest reads, none of which may be its output.
  var inputs: [String] { get }
  /// - data: what lies before the fold's origin.
  func forecaster(_ fold: Int, _ data: DataSpecification) throws -> Forecaster
  /// Refuses origins that training has seen.
  /// - Returns: series that have nothing to compare, because they end before the test part.
  func check(_ forecast: Forecast, fold: Int) throws -> Set<Name>
}

/// A run whose parameters are used as they are.
final class TrainedRun: BacktestSource {
  let recipe: Recipe
  let inputs: [String]
  private let forecaster: Forecaster
  /// Of each series the first row that a forecast of the test part goes on from; nil where the test part is a file of its own.
  private let firstOrigins: [Name: Int]?
  /// Whether those rows are counted in their series, in the order of its times, or in the file.
  private var countsInSeries = false

  init(_ model: CheckpointedModel, _ argument: String) throws {
    var recipe = model.recipe
    inputs = model.files(argument)
    forecaster = try Forecaster(model)
    if let path = recipe.data.testPath {
      (recipe.data.path, recipe.data.paths, recipe.data.pathName) = (path, [], "data.test_path")
      firstOrigins = nil
    } else {
      let data = try model.loadData()
      firstOrigins = try data.firstTestOrigins(recipe.data.allHorizons[0])
      countsInSeries = data.places != nil
    }
    self.recipe = recipe
  }

  func forecaster(_ fold: Int, _ data: DataSpecification) -> Forecaster { forecaster }

  func check(_ forecast: Forecast, fold: Int) throws -> Set<Name> {
    guard let firstOrigins else { return [] }
    let ended = Set(forecast.series.map { Name($0.name) }.filter { firstOrigins[$0] == nil })
    for series in forecast.series
    where !ended.contains(Name(series.name)) || ended.count == forecast.series.count {
      let origin = countsInSeries ? series.history.count - 1 : series.lastRecord
      guard let first = firstOrigins[Name(series.name)], first <= origin else {
        let of = series.name.isEmpty ? "" : " of series \(quoted(series.name))"
        throw Failure.badData(
          "fold \(fold + 1) begins after row \(series.lastRecord)\(of), before the test part: training has seen what it would forecast; "
            + "ask for fewer --folds, a smaller --step, or give the recipe, to train each fold anew")
      }
    }
    return ended
  }
}

extension LoadedData {
  /// Of each series the least row that a window of the test part ends in: counted in the series, or in the file where there are no places.
  /// - horizon: rows from there to a sample's first target.
  fileprivate func firstTestOrigins(_ horizon: Int) throws -> [Name: Int] {
    guard let test, let rows, test.count > 0 else {
      throw Failure.badData(
        "the run's data have no test part, and training has seen the rest; give the recipe, to train each fold anew"
      )
    }
    var first: [Name: Int] = [:]
    let offset = (train?.count ?? 0) + (validation?.count ?? 0)
    for sample in offset..<offset + test.count {
      let name = Name(places?.series(of: sample) ?? "")
      first[name] = min(first[name] ?? .max, places?.origin(of: sample) ?? rows[sample] - horizon)
    }
    return first
  }
}

/// A recipe that is trained anew for each fold.
final class FoldTraining: BacktestSource {
  let recipe: Recipe
  let inputs: [String]
  private let folder: String
  private let threads: Int?
  private let overwrites: Bool

  init(_ recipe: Recipe, out: String?, overwrites: Bool, threads: Int?, recipeFile: String) throws {
    let stamp = Date().formatted(Date.ISO8601FormatStyle(timeZone: .current).dateTimeSeparator(.standard))
    // text: letters of this program.
    folder = out ?? "runs/\(recipe.name)-backtest-\(stamp.filter { $0.isNumber || $0 == "T" })"
    inputs = [recipeFile] + recipe.data.files
    self.recipe = recipe
    self.threads = threads
    self.overwrites = overwrites
    if RunDirectory.holdsRun(folder) {
      throw Failure.usage(
        "--out \(folder) holds a run, and the folds of a backtest have a folder of their own; choose another")
    }
  }

  func forecaster(_ fold: Int, _ data: DataSpecification) throws -> Forecaster {
    var own = recipe
    own.data.withheldRows = data.withheldRows
    own.data.split = recipe.data.split.beforeOrigin
    own.data.testPath = nil
    var options = TrainingOptions()
    // By the origin, so that other folds never go on from it.
    let place = "\(folder)/\(data.withheldRows)-rows-before-the-end"
    options.outputDirectory = place
    // A backtest that was stopped goes on.
    (options.resume, options.overwrite) = overwrites ? (.never, true) : (.auto, false)
    options.threads = threads
    let loaded = try LoadedData(own.data)
    if !overwrites { try requireSame(own, loaded, fold, in: place) }
    let trainer = try Trainer(recipe: own, data: loaded, options: options)
    let report = try StopSignals.stopping(trainer) { try trainer.run() }
    if report.status == .interrupted {
      throw Failure(
        .retry,
        "stopped in fold \(fold + 1); the same command with --out \(folder) and no --overwrite goes on")
    }
    Console.note(
      "fold \(fold + 1): trained \(report.epochs) epochs in \(Formatting.duration(report.seconds))")
    return try Forecaster(CheckpointedModel(contentsOf: report.runDirectory))
  }

  func check(_ forecast: Forecast, fold: Int) -> Set<Name> { [] }

  /// What an earlier call left is taken only where it is what this call would come to.
  private func requireSame(_ recipe: Recipe, _ data: LoadedData, _ fold: Int, in place: String) throws {
    guard RunDirectory.holdsRun(place),
      let state = try? RunDirectory.checkpoint(at: place, choosing: .newest).file?.state
    else { return }
    let (own, other) = (recipe.effectiveYAML, state.recipe)
    let what: String
    if !own.hasSameBytes(as: other) {
      what = Recipe.firstDifference(own, other, called: "there") ?? "another recipe"
    } else if !data.fingerprint.hasSameBytes(as: state.dataFingerprint) {
      what = "the data files are not those it was trained on"
    } else {
      return
    }
    throw Failure.badData(
      "fold \(fold + 1) in \(place) is another one: \(what); replace it with --overwrite, or choose another --out"
    )
  }
}

extension DataSpecification.Split {
  /// Parts of what lies before an origin: no test, and as much validation as before.
  fileprivate var beforeOrigin: DataSpecification.Split {
    switch validation {
    case nil, .until: .init()
    case .rest: .init(train: train, validation: .rest)
    case .count, .fraction: .init(train: .rest, validation: validation)
    }
  }
}
