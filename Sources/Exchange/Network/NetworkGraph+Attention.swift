import Recurrent

/// Global attention, see `Attention`: what a step reads of all the encoder gave.
extension NetworkGraph {
  struct AttentionMemory {
    /// What is summed, and what is compared: `[B, T, W]`.
    let values, keys: String
    /// Which steps are a sequence's own, `[B, T]`; "" where all are.
    var mask = ""
  }

  /// nil for a decoder without.
  mutating func attentionMemory(_ values: String) -> AttentionMemory? {
    guard let kind = network.decoder?.attention, kind != .none else { return nil }
    let memory = graph.add("Transpose", [values], [("perm", .ints([1, 0, 2]))])
    guard kind == .general else { return AttentionMemory(values: memory, keys: memory) }
    return AttentionMemory(values: memory, keys: product(memory, "attention.weight"))
  }

  /// tanh(W_c [c, q]) of a step's `[B, W]`, c the encoder's outputs weighted by their likeness.
  mutating func attended(_ query: String, _ memory: AttentionMemory) -> String {
    let column = graph.add("Unsqueeze", [query, graph.integers([2])])
    var scores = graph.add("MatMul", [memory.keys, column])
    if !memory.mask.isEmpty {
      let mask = graph.add("Unsqueeze", [memory.mask, graph.integers([2])])
      // So far below all others that its share is 0.
      let least = graph.add("least_score", [], [-Float.greatestFiniteMagnitude])
      scores = graph.add("Where", [mask, scores, least])
    }
    let shares = graph.add("Softmax", [scores], [("axis", .int(1))])
    let across = graph.add("Transpose", [shares], [("perm", .ints([0, 2, 1]))])
    let context = graph.add(
      "Squeeze", [graph.add("MatMul", [across, memory.values]), graph.integers([1])])
    let pair = graph.add("Concat", [context, query], [("axis", .int(1))])
    return graph.add("Tanh", [product(pair, "combine.weight")])
  }

  /// x·Wᵀ
  private mutating func product(_ x: String, _ name: String) -> String {
    let turned = graph.add("Transpose", [parameter(name)!], [("perm", .ints([1, 0]))])
    return graph.add("MatMul", [x, turned])
  }
}
