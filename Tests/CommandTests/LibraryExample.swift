// What stands between the two marks is the library example of README.md, word for word (a test compares them).
// example begins
import Recur

func learnWave(steps: Int = 300) throws -> Double {
  let group = try Communicators.fromEnvironment()  // one process, or those of mpirun
  var network = Architecture(cell: .lstm, inputSize: 1, hiddenSize: 16, steps: 20, head: [.linear(1)])
  network.readout = .lastStep
  let model = try Model(network, seed: 42)
  let adam = Optimizer(OptimizerSpecification(.adam()), count: model.parameters.count)
  let batch = 32
  let samples = (0..<Int32(batch)).map { $0 }
  var error = 0.0

  for step in 0..<steps {
    // Inputs are [time, batch, feature]; each process makes its own part of the batch.
    let starts = (0..<batch).map { Float((step * group.size + group.rank) * batch + $0) * 0.37 }
    let inputs = (0..<20).flatMap { t in starts.map { sine($0 + 0.3 * Float(t)) } }
    let targets = starts.map { sine($0 + 0.3 * 20) }
    var gradient = [Float](repeating: 0, count: batch)

    var totals = [0.0, 0.0]
    inputs.withUnsafeBufferPointer { inputs in
      let outputs = model.forward(
        inputs: inputs.baseAddress!, samples: samples, steps: 20, batch: batch,
        mode: .training(seed: 42, step: UInt64(step)))
      let loss = Loss.mse.evaluate(
        outputs: outputs.baseAddress!, rows: batch, width: 1, values: targets, classes: [],
        gradient: &gradient)
      model.zeroGradients()
      model.backward(gradient)
      totals = [loss.sum, loss.weight]
    }
    // Sums over all processes, divided once: any number of them takes the same step.
    try totals.withUnsafeMutableBufferPointer { try group.allReduceSum(model.gradients, $0) }
    adam.update(
      model.parameters, gradients: model.gradients, scale: Float(1 / totals[1]), learningRate: 0.01)
    model.parametersChanged()
    error = totals[0] / totals[1]
  }
  try group.finish()
  return error
}
// example ends
