import Diagnostics
import Files
import FoundationEssentials

/// What `metrics.jsonl` of a run tells, also of one that is still being written.
public struct RunLog: Sendable {
  /// What was measured for the parameters after a step.
  public struct Measured: Sendable {
    /// Epochs done, and steps.
    public var epoch: Int
    public var step: Int
    /// By their whole name, as `validation.loss`; NaN for what was measured and is not finite.
    public var values: [Name: Double]
    /// Of an epoch: where its time went.
    public internal(set) var time = EpochTime()

    public subscript(metric: MetricName) -> Double? { values[Name(metric.description)] }
  }

  /// How the run ended, where its last line says so.
  public struct End: Sendable {
    public var status: TrainingReport.Status
    /// Measured for the parameters after this step.
    public var evaluatedStep: Int?
    /// Of the validation and test parts.
    public var values: [Name: Double]
  }

  /// One an epoch.
  public private(set) var epochs: [Measured] = []
  public private(set) var end: End?

  /// Reads the log of a run directory. A last line that is only half there is being written just now, and counts for nothing.
  /// - Throws: `badData` with the number of a line that recur does not write.
  public init(run: String) throws(Failure) {
    let path = "\(run)/\(MetricsLog.name)"
    let file = try InputFile(path: path, key: "the log of a run")
    let ends = file.padded[..<file.count].last == UInt8(ascii: "\n")
    var unread: Failure?
    try file.forEachLine { (line, number) throws(Failure) in
      if let unread { throw unread }
      do {
        try add(Data(line))
      } catch {
        unread = .badData("\(path), line \(number): not a line that recur writes")
      }
    }
    if let unread, ends { throw unread }
  }

  private static let wanted: [[UInt8]] = ["epoch", "end"].map { Array("{\"event\":\"\($0)\"".utf8) }

  private mutating func add(_ line: Data) throws {
    guard Self.wanted.contains(where: { line.starts(with: $0) }) else {
      guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else {
        throw Failure.badData("no object")
      }
      return
    }
    let line = try JSONDecoder().decode(LogLine.self, from: line)
    if let status = line.status {
      end = End(status: status, evaluatedStep: line.evaluatedStep, values: line.values)
    } else if let epoch = line.epoch, (0..<Int(Int32.max)).contains(epoch) {
      // A run that goes on is not at its end any more.
      end = nil
      epochs.append(Measured(epoch: epoch + 1, step: line.step, values: line.values, time: line.time))
    } else {
      throw Failure.badData("no epoch")
    }
  }
}

extension RunLog {
  /// The epoch with the best value among the first ones, the first of equal ones; nil where none has a finite value.
  /// - epochs: how many of them count; all if not given.
  public func best(by metric: MetricName, within epochs: Int = .max) -> Measured? {
    var best: (measured: Measured, value: Double)?
    for epoch in self.epochs where epoch.epoch <= epochs {
      guard let value = epoch[metric], value.isFinite else { continue }
      if metric.isImprovement(value, over: best?.value) { best = (epoch, value) }
    }
    return best?.measured
  }
}

/// A line about an epoch or the end.
private struct LogLine: Decodable {
  var status: TrainingReport.Status?
  /// From 0.
  var epoch: Int?
  var step: Int
  var evaluatedStep: Int?
  var values: [Name: Double] = [:]
  var time: RunLog.EpochTime

  init(from decoder: any Decoder) throws {
    time = try RunLog.EpochTime(from: decoder)
    let line = try decoder.container(keyedBy: CodingKeys.self)
    status = try line.decodeIfPresent(TrainingReport.Status.self, forKey: .status)
    epoch = try line.decodeIfPresent(Int.self, forKey: .epoch)
    step = try line.decode(Int.self, forKey: .step)
    evaluatedStep = try line.decodeIfPresent(Int.self, forKey: .evaluatedStep)
    for (key, name) in [(CodingKeys.trainLoss, "loss"), (.trainAccuracy, "accuracy")]
    where line.contains(key) {
      values["train.\(name)"] = try line.decodeIfPresent(Double.self, forKey: key) ?? .nan
    }
    for part in [CodingKeys.validation, .test] where line.contains(part) {
      let metrics = try line.decode([Name: Double?].self, forKey: part)
      for (name, value) in metrics where name != "samples" {
        values["\(part.rawValue).\(name.text)"] = value ?? .nan
      }
    }
  }

  enum CodingKeys: String, CodingKey {
    case status, epoch, step, validation, test
    case evaluatedStep = "evaluated_step"
    case trainLoss = "train_loss"
    case trainAccuracy = "train_accuracy"
  }
}
