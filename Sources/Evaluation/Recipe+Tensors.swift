import Batches
import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// Numbers to predict, of windows of a table.
  package var targetWidth: Int { data.targets.count * data.allHorizons.count }

  /// The network whose tensors a file holds, and its time steps where they show in a shape.
  /// - tensors: their names, and their sizes in C order.
  package func network(of tensors: [(name: String, shape: [Int])], path: String) throws -> (
    Network, steps: Int?
  ) {
    let shapes = Dictionary(tensors.map { (Name($0.name), $0.shape) }) { first, _ in first }
    func shape(_ name: String) throws -> [Int] {
      guard let shape = shapes[Name(name)], shape.count == 2 else {
        throw Failure.badData("\(path): tensor \(name) is missing")
      }
      return shape
    }
    func has(_ name: String) -> Bool { shapes[Name(name)] != nil }
    let linears = model.head.count { if case .linear = $0 { true } else { false } }
    let isTiedOnly = model.tiesEmbeddings && linears == 1
    let read = linears == 0 || isTiedOnly ? nil : try shape(linears == 1 ? "fc.weight" : "fc0.weight")[1]
    let inputs = try model.cell == .none ? read ?? 1 : shape("rnn.weight_ih_l0")[1]
    let classes = try linears == 0 ? 0 : shape(model.tiesEmbeddings ? "embedding.weight" : "fc.weight")[0]
    var network = model.network
    while has(ParameterLayout.categoryName(network.categories.count)) {
      let size = try shape(ParameterLayout.categoryName(network.categories.count))
      network.categories.append(.init(vocabulary: size[0], width: size[1]))
    }
    guard inputs >= network.inputWidth else {
      throw Failure.badData("\(path): the categories' vectors are wider than what the network reads")
    }
    (network.inputSize, network.steps) = (inputs - network.inputWidth, 1)
    network.head = model.headLayers(for: .classes(count: classes))
    if let embedding = model.embedding {
      network.embedding = .init(vocabulary: try shape("embedding.weight")[0], width: embedding)
      network.embedding?.isTied = model.tiesEmbeddings
    }
    if model.decoder != nil {
      var tokens = SampleShape(steps: 1, features: network.inputSize, target: .values(width: targetWidth))
      if has("decoder_embedding.weight") {
        (tokens.sourceSteps, tokens.target) = (1, .classes(count: try shape("decoder_embedding.weight")[0]))
      }
      network.decoder = try decoder(for: tokens)
      network.readout = .everyStep
    }
    guard network.cell != .none, network.readout == .allSteps, let read else { return (network, nil) }
    network.steps = read / network.outputWidth
    return (network, network.steps)
  }
}
