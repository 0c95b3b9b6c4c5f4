import Dataset
import Diagnostics

/// Scales as tensors: of all samples, or where each series has its own a row of a table for each.
extension NetworkGraph {
  /// What a sample's numbers are brought to other units with: `[…, width]` to be broadcast over its steps and outputs.
  /// - shape: of one sample's, the same for all its steps.
  /// - hasSteps: whether what it is applied to has an axis of time after that of the batch.
  mutating func scales(
    _ name: String, _ shape: [Int], hasSteps: Bool, _ values: (Scaler.SeriesScale) -> [Float]
  ) -> String {
    let all = interface.scaler!.alternatives
    guard all.count > 1 else { return graph.add(name, shape, values(all[0])) }
    let table = graph.add(name, [all.count] + shape, all.flatMap(values))
    if series.isEmpty { series = graph.addInput("series", .int64, [.named("batch")]) }
    let own = graph.add("Gather", [table, series])
    return hasSteps ? graph.add("Unsqueeze", [own, graph.integers([1])]) : own
  }
}

/// Scales in float32: a scaled number is (number - offset) / scale.
///
/// min-max is written so too: the difference is taken of numbers of the file, and loses no more than they lost when they became float32.
struct LinearColumns {
  private(set) var offset: [Float]
  private(set) var scale: [Float]
  var isIdentity: Bool { offset.allSatisfy { $0 == 0 } && scale.allSatisfy { $0 == 1 } }

  /// - width: of columns in all; those after the scaled ones stay as they are.
  init(_ columns: [Scaler.ColumnScale], _ method: Scaler.Method, width: Int) {
    switch method {
    case .standard:
      (offset, scale) = (columns.map { Float($0.offset) }, columns.map { Float($0.scale) })
    case .minmax:
      (offset, scale) = (columns.map { Float(0 - $0.offset / $0.scale) }, columns.map { Float(1 / $0.scale) })
    }
    offset += [Float](repeating: 0, count: width - offset.count)
    scale += [Float](repeating: 1, count: width - scale.count)
  }
}

extension Scaler {
  /// Refuses what no float32 holds, and scales of other columns than the network has.
  func requireFloats(features width: Int) throws(Failure) {
    guard features.count <= width, (fills ?? []).count <= width else {
      throw .badData(
        "the scaler has \(features.count) features, the network \(width); add --raw for the network alone")
    }
    for (number, own) in alternatives.enumerated() {
      for (kind, columns) in [("feature", own.features), ("target", own.targets)] {
        let scales = LinearColumns(columns, method, width: columns.count)
        for column in columns.indices
        where !scales.offset[column].isFinite || !scales.scale[column].isFinite || scales.scale[column] == 0 {
          let series = number > 0 ? " of series \(quoted(own.name))" : ""
          throw .badData(
            "the scale of \(kind) \(column)\(series) is none that float32 holds, as ONNX would need it; add --raw for the network alone"
          )
        }
      }
    }
  }
}
