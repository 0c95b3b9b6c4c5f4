// example begins: YourOwnLoop.md
import Recur

/// One step in its five calls, with a loss of the program's own.
func stepInCalls(_ learner: Learner, _ batch: Batch, targets: [Float]) throws -> StepOutcome {
  learner.begin()
  try learner.forward(batch)
  try learner.addLoss { outputs, dOutputs in
    var total = Loss.Total(weight: Double(outputs.count))
    for i in outputs.indices {
      let error = outputs[i] - targets[i]
      total.sum += Double(error.magnitude)
      dOutputs[i] = error < 0 ? -1 : 1
    }
    return total
  }
  learner.backward()
  try learner.sum()  // over all processes
  return try learner.update()  // divides once, clips, changes the parameters
}
// example ends
