import Dataset
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
    if scaler.fills != nil {
      let fill = scales("fill", [width], hasSteps: true) { own in
        let fills = own.fills ?? []
        return fills.map { Float($0) } + [Float](repeating: 0, count: width - fills.count)
      }
      values = graph.add("Where", [graph.add("IsNaN", [values]), fill, values])
    }
    func columns(_ own: Scaler.SeriesScale) -> LinearColumns {
      LinearColumns(own.features, scaler.method, width: width)
    }
    if scaler.alternatives.allSatisfy({ columns($0).isIdentity }) { return values }
    let offset = scales("input_offset", [width], hasSteps: true) { columns($0).offset }
    let scale = scales("input_scale", [width], hasSteps: true) { columns($0).scale }
    return graph.add("Div", [graph.add("Sub", [values, offset]), scale])
  }
}
