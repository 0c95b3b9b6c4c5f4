import Diagnostics

/// One metric of several runs that differ by their seed alone: its mean, and how far the runs lie apart.
public struct MetricSpread: Encodable, Sendable, Equatable {
  /// As `validation.loss`.
  public let name: Name
  public let mean: Double
  /// Of the sample, divided by one less than the number of runs; nil for one run.
  public let standardDeviation: Double?
  /// By run.
  public let values: [Double]

  public init(name: Name, values: [Double]) {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    (self.name, self.values, self.mean) = (name, values, mean)
    standardDeviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
  }

  /// The metrics that all of these runs have: of the last epoch's training, and of validation and test part as a report has them.
  public static func all(of reports: [TrainingReport]) -> [MetricSpread] {
    let runs = reports.map(values)
    guard let first = runs.first else { return [] }
    let common = first.keys.filter { name in runs.allSatisfy { $0[name] != nil } }
    var rest = Set(common)
    let order = RunComparison.Metric.all.map(\.name).filter { rest.remove($0) != nil } + rest.sorted()
    return order.map { name in MetricSpread(name: name, values: runs.map { $0[name] ?? .nan }) }
  }

  private static func values(_ report: TrainingReport) -> [Name: Double] {
    var values: [Name: Double] = [:]
    values["train.loss"] = report.trainLoss
    values["train.accuracy"] = report.trainAccuracy
    for (part, metrics) in [("validation", report.validation), ("test", report.test)] {
      if let metrics { add(JSONValue(encoding: metrics), part, to: &values) }
    }
    return values
  }

  /// Words stand for what is not finite; how many samples a part has is no metric.
  private static func add(_ value: JSONValue, _ name: String, to values: inout [Name: Double]) {
    let isOriginal = name.hasBytes(last: ".original")
    switch value {
    case .object(let entries):
      for (key, value) in entries where key != "samples" {
        // As the log calls it: `test.original_mae`.
        add(
          value, name + (key == "original_units" ? ".original" : (isOriginal ? "_" : ".") + key), to: &values)
      }
    case .number(let number): values[Name(name)] = number
    case .integer(let number): values[Name(name)] = Double(number)
    case .unsigned(let number): values[Name(name)] = Double(number)
    case .string(let word): values[Name(name)] = Double(word) ?? .nan
    case .null, .boolean, .array: break
    }
  }
}
