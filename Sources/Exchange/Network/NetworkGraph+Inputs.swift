import Dataset
import Diagnostics
import Recurrent

extension NetworkGraph {
  /// What a sample's steps are called as an axis: any number, but where the head reads all of them.
  private var time: ONNXValue.Dimension {
    network.needsEqualLengths ? .size(network.steps) : .named("time")
  }

  /// Declares the inputs, and returns what the first layer reads, `[B, T, I]`.
  mutating func addInputs() -> String {
    let values = network.embedding == nil ? addRows() : addTokens()
    if interface.hasLengths {
      let name = graph.addInput("lengths", .int64, [.named("batch")])
      // INT32 of TensorProto.DataType, as the recurrent operators want it.
      lengths = (name, graph.add("Cast", [name], [("to", .int(ONNXValue.ElementType.int32.rawValue))]))
    }
    return values
  }

  private mutating func addTokens() -> String {
    let tokens = graph.addInput("tokens", .int64, [.named("batch"), time])
    return graph.add("Gather", [parameter("embedding.weight")!, tokens])
  }

  /// Numbers, and after them the vectors of categories.
  private mutating func addRows() -> String {
    var parts: [String] = []
    if network.inputSize > 0 {
      let input = graph.addInput("input", .float, [.named("batch"), time, .size(network.inputSize)])
      rows = scaled(input)
      parts.append(rows)
    }
    if !network.categories.isEmpty {
      let count = network.categories.count
      let codes = graph.addInput("categories", .int64, [.named("batch"), time, .size(count)])
      for column in 0..<count {
        let own = graph.add("Gather", [codes, graph.integer(column)], [("axis", .int(2))])
        let table = parameter(ParameterLayout.categoryName(column))!
        parts.append(graph.add("Gather", [table, own]))
      }
    }
    return parts.count == 1 ? parts[0] : graph.add("Concat", parts, [("axis", .int(2))])
  }

  /// From the units of the file. What is missing, NaN, is what stands for it in training.
  private mutating func scaled(_ input: String) -> String {
    guard let scaler = interface.scaler else { return input }
    let width = network.inputSize
    var values = input
    if let fills = scaler.fills {
      let all = fills.map { Float($0) } + [Float](repeating: 0, count: width - fills.count)
      let fill = graph.add("fill", [width], all)
      values = graph.add("Where", [graph.add("IsNaN", [values]), fill, values])
    }
    let columns = LinearColumns(scaler.features, scaler.method, width: width)
    if columns.isIdentity { return values }
    values = graph.add("Sub", [values, graph.add("input_offset", [width], columns.offset)])
    return graph.add("Div", [values, graph.add("input_scale", [width], columns.scale)])
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
    for (kind, columns) in [("feature", features), ("target", targets)] {
      let scales = LinearColumns(columns, method, width: columns.count)
      for column in columns.indices
      where !scales.offset[column].isFinite || !scales.scale[column].isFinite || scales.scale[column] == 0 {
        throw .badData(
          "the scale of \(kind) \(column) is none that float32 holds, as ONNX would need it; add --raw for the network alone"
        )
      }
    }
  }
}
