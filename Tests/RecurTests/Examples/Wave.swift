// What stands between the marks is an example of README.md, word for word (ExampleTests compares them).
// example begins: README.md
import Recur

func learnWave(steps: Int = 300) throws -> Double {
  let group = try ProcessGroup.fromEnvironment()  // one process, or those of mpirun
  let network = Network(.lstm, inputs: 1, hidden: 16, readout: .lastStep, head: [.linear(1)])
  let learner = try Learner(Model(network, seed: 42), optimizer: .adam(learningRate: 0.01), group: group)
  var loss = 0.0
  for step in 0..<steps {
    // Each process makes its own part of the batch.
    let starts = (0..<32).map { Float((step * group.size + group.rank) * 32 + $0) * 0.37 }
    let batch = try Batch(steps: 20, samples: 32) { t, b, _ in sine(starts[b] + 0.3 * Float(t)) }
      .targets(starts.map { sine($0 + 0.3 * 20) })
    loss = try learner.step(batch).loss  // forward, loss, backward, sum over processes, divide once, update
  }
  try group.finish()
  return loss
}
// example ends
