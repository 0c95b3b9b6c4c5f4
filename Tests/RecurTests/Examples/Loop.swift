// example begins: YourOwnLoop.md
import Recur

/// Learns the mean of ten random numbers: a loss and an optimizer of the program's own.
func learnMeans(steps: Int = 300) throws -> (model: Model, loss: Float) {
  let network = Network(.gru, inputs: 1, hidden: 8, readout: .lastStep, head: [.linear(1)])
  let model = try Model(network, seed: 1)
  var generator = TorchGenerator(seed: 2)
  var loss: Float = 0
  for _ in 0..<steps {
    let inputs = try Tensor.randn([64, 10, 1], using: &generator)  // [B, T, F]
    let targets = (0..<64).map { b in (0..<10).reduce(0) { $0 + inputs[b, $1, 0] } / 10 }
    model.zeroGradients()
    loss = try model.forward(Batch(inputs)) { outputs, dOutputs in
      var sum: Float = 0
      for b in outputs.indices {
        let error = outputs[b] - targets[b]
        sum += error * error
        dOutputs[b] = 2 * error / 64
      }
      return sum / 64
    }
    model.update { parameters, gradients in
      for i in parameters.indices { parameters[i] -= 0.3 * gradients[i] }
    }
  }
  return (model, loss)
}
// example ends

// example begins: YourOwnLoop.md
/// What a model says after a way through a file.
func sayAgain(_ model: Model, _ batch: Batch, file: String) throws -> Tensor {
  try model.save(to: file)
  let other = try Model(loading: file)
  print(try other.parameter("fc.weight"))
  return try other.predict(batch)
}
// example ends
