import Diagnostics
import Foundation
import Synchronization
import Training

/// A directory that is removed when it is no longer used.
final class Scratch: Sendable {
  let path: String

  init() {
    // In memory where there is such a file system: these tests synchronize a hundred thousand times.
    let memory = "/dev/shm/"
    let parent = FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
    path = parent + "recur-checkpoint-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

/// Tensors whose memory is never freed: `NamedTensor` borrows, and tests take `SampleTensors(…).tensors` in passing.
final class SampleTensors {
  private var memory: [UnsafeMutableBufferPointer<Float>] = []
  private(set) var tensors: [NamedTensor] = []

  /// No tensors yet.
  init() {}

  init(scale: Float, count: Int = 12) {
    add("rnn.weight_ih_l0", [count / 4, 4], scale)
    add("fc.bias", [3], -scale)
    add("optimizer.exp_avg.fc.bias", [3], scale / 3)
  }

  func add(_ name: String, _ shape: [Int], _ scale: Float) {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
    for index in values.indices { values[index] = scale * Float(index + 1) / 7 }
    memory.append(values)
    tensors.append(NamedTensor(name: name, shape: shape, values: UnsafeBufferPointer(values)))
  }

  subscript(tensor: Int, element: Int) -> Float {
    get { memory[tensor][element] }
    set { memory[tensor][element] = newValue }
  }
}

func sampleState(step: Int, loss: Double? = nil) -> CheckpointState {
  var state = CheckpointState(
    program: "recur test", runID: "r1", recipe: "name: test\n", seed: .max,
    optimizer: .init(name: "adam", t: step))
  state.step = step
  state.monitored = loss.map { .init(name: "validation.loss", value: $0) }
  return state
}

extension RunDirectory {
  /// A new run that nothing refuses.
  static func create(
    _ path: String, recipe: String = "name: test\n", overwrite: Bool = false,
    retention: Retention = Retention(),
    fileSystem: FileSystem = .real
  ) throws(Failure) -> RunDirectory {
    try RunClaim(creating: path, overwrite: overwrite, fileSystem: fileSystem)
      .begin(recipe: recipe, retention: retention)
  }

  /// Saves a checkpoint of small tensors that depend on the step.
  func saveSample(step: Int, loss: Double? = nil) throws(Failure) {
    try save(sampleState(step: step, loss: loss), SampleTensors(scale: Float(step)).tensors)
  }
}

/// Lets chosen system calls fail, and remembers which there were.
final class FaultPlan: Sendable {
  struct Step: Equatable {
    let call: FileSystem.SystemCall
    let path: String
  }
  private let made = Mutex<[Step]>([])
  private let fault: @Sendable (Int, FileSystem.SystemCall, String) -> FileSystem.Fault?

  init(_ fault: @escaping @Sendable (Int, FileSystem.SystemCall, String) -> FileSystem.Fault?) {
    self.fault = fault
  }

  /// The call of this number fails once.
  static func once(_ number: Int, _ fault: FileSystem.Fault) -> FaultPlan {
    FaultPlan { index, _, _ in index == number ? fault : nil }
  }

  /// From the call of this number on nothing has an effect any more, as if the process were dead. With `torn` that
  /// call still writes one byte.
  static func dead(from number: Int, torn: Bool) -> FaultPlan {
    FaultPlan { index, call, _ in
      if index < number { return nil }
      return torn && index == number && call == .write ? .short : .error(EIO)
    }
  }

  var trace: [Step] { made.withLock { $0 } }

  var fileSystem: FileSystem {
    FileSystem { [self] call, path in
      let index = made.withLock { made in
        made.append(Step(call: call, path: path))
        return made.count - 1
      }
      return fault(index, call, path)
    }
  }
}

/// Lists what a new process would find valid, newest first.
func validSteps(_ run: String) throws -> [Int] {
  let directory = run + "/checkpoints"
  return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
    guard let step = CatalogueEntry.step(in: name) else { return nil }
    return (try? CheckpointFile(reading: "\(directory)/\(name)"))?.state.step == step ? step : nil
  }.sorted(by: >)
}
