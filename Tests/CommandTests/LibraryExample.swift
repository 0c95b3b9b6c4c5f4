// What stands between the two marks is the library example of README.md, word for word (a test compares them).
// example begins
import Recur

func learnWave(steps: Int = 300) throws -> Double {
  let group = try Communicators.fromEnvironment()  // one process, or those of mpirun
  var network = Architecture(cell: .lstm, inputSize: 1, hiddenSize: 16, steps: 20, head: [.linear(1)])
  network.readout = .lastStep
  let adam = OptimizerSpecification(.adam(), learningRate: 0.01)
  let learner = Learner(try Model(network, seed: 42), loss: .mse, optimizer: adam, group: group)
  var loss = 0.0
  for step in 0..<steps {
    // Each process makes its own part of the batch.
    let starts = (0..<32).map { Float((step * group.size + group.rank) * 32 + $0) * 0.37 }
    let batch = Batch(steps: 20, samples: 32) { t, b, _ in sine(starts[b] + 0.3 * Float(t)) }
      .targets(starts.map { sine($0 + 0.3 * 20) })
    loss = try learner.step(batch).loss  // forward, loss, backward, sum over processes, divide once, update
  }
  try group.finish()
  return loss
}
// example ends
