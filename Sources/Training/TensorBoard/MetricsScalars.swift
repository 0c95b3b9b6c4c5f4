import Diagnostics
import FoundationEssentials

/// The numbers of a line of `metrics.jsonl`, each under a tag of its own, for the step that the line is about.
///
/// What a line measures for its event is `epoch/train_loss`, `step/gradient_norm`; what it measures for a part of the data at an epoch's
/// end `validation/loss`; of the last line `end/test/loss`. Of several ranks `epoch/compute_seconds/0` and so on. What is there and is no
/// finite number (null) is NaN.
struct MetricsScalars {
  struct Scalar: Equatable {
    let tag: Name
    let step: Int
    let value: Double
  }

  let scalars: [Scalar]

  /// nil for a line that is about no step, or is none.
  init?(_ line: some Sequence<UInt8>) {
    guard case .object(let fields) = try? JSONDecoder().decode(JSONValue.self, from: Data(line)),
      case .string(let event) = fields["event"],
      let step = Self.whole(fields["step"])
    else { return nil }
    // What the last line measures is of the parameters after this step.
    let evaluated = Self.whole(fields["evaluated_step"]) ?? step
    var scalars: [Scalar] = []
    for (key, value) in fields where !Self.places.contains(Name(key)) {
      if case .object(let part) = value {
        // An epoch's parts stand by themselves: they are what is looked at.
        let prefix = event.hasSameBytes(as: "epoch") ? key : "\(event)/\(key)"
        for (name, value) in part { Self.add(value, "\(prefix)/\(name)", evaluated, to: &scalars) }
      } else {
        Self.add(value, "\(event)/\(key)", step, to: &scalars)
      }
    }
    if event.hasSameBytes(as: "skipped") { scalars.append(Scalar(tag: "skipped", step: step, value: 1)) }
    self.scalars = scalars.sorted { $0.tag < $1.tag }
  }

  /// What says which line it is; the samples of a skipped step are numbers of samples, which measure nothing.
  private static let places: Set<Name> = ["event", "step", "epoch", "epochs", "evaluated_step", "samples"]

  private static func whole(_ value: JSONValue?) -> Int? {
    if case .integer(let number) = value, number >= 0 { Int(number) } else { nil }
  }

  private static func add(_ value: JSONValue, _ tag: String, _ step: Int, to scalars: inout [Scalar]) {
    switch value {
    case .null: scalars.append(Scalar(tag: Name(tag), step: step, value: .nan))
    case .integer(let number): scalars.append(Scalar(tag: Name(tag), step: step, value: Double(number)))
    case .unsigned(let number): scalars.append(Scalar(tag: Name(tag), step: step, value: Double(number)))
    case .number(let number): scalars.append(Scalar(tag: Name(tag), step: step, value: number))
    case .array(let values):
      for (index, value) in values.enumerated() { add(value, "\(tag)/\(index)", step, to: &scalars) }
    case .boolean, .string, .object: break
    }
  }
}
