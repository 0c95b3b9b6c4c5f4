import CUDA
import Devices
import Foundation
import TestSupport
import Testing
import Training

/// Programs that leave recurrent layers to a library: here to plain loops with a weight layout of their own.
@Suite(.tags(.long)) struct RecurrenceTests {
  static let checks = DeviceCheck.all.filter { c in
    let executor = ShimExecutor()
    executor.traits.libraries.append(.cudnn)
    return Engine.cudnn.can(c.plan(on: executor))
  }

  private func executor(seed: UInt64) -> ShimExecutor {
    let executor = ShimExecutor(seed: seed)
    executor.traits.libraries.append(.cudnn)
    return executor
  }

  @Test(arguments: checks)
  func stepsEqualTheProcessors(_ c: DeviceCheck) throws {
    let executor = executor(seed: 1)
    let expected = try c.onProcessor(steps: 6)
    let result = try c.on(executor, steps: 6, engine: .cudnn)
    #expect(result.difference(from: expected) < 1e-5)
    #expect(executor.recurrences == (2 * 6 + 1) * c.network.layers)
  }

  @Test func plainNetworksAreAmongThem() {
    #expect(Set(Self.checks.map(\.network.cell)) == [.rnn, .lstm, .gru])
    #expect(Self.checks.count >= 9 && Self.checks.count < DeviceCheck.all.count)
  }

  @Test func withoutTheLibraryTheEngineIsRefused() throws {
    let c = DeviceCheck.all[0]
    #expect(!Engine.able(c.plan(on: ShimExecutor())).contains(.cudnn))
    #expect(throws: (any Error).self) { try c.on(ShimExecutor(), steps: 1, engine: .cudnn) }
  }

  /// Each parameter goes to one place, and what lies side by side goes in one piece.
  @Test(arguments: [RecurrentShape.RNNMode.tanh, .lstm, .gru], [1, 2])
  func weightsGoWhereTheLibraryWantsThem(_ cell: RecurrentShape.RNNMode, _ directions: Int) {
    let shape = RecurrentShape(
      cell: cell, steps: 1, batch: 1, input: 3, hidden: 5, directions: directions, hasBias: true)
    // As PyTorch finds it for one layer: matrices of each direction, then biases of each direction.
    let weights = cell.gates * shape.hidden * (shape.input + shape.hidden)
    let map = WeightMap(shape) { direction, matrix in
      let isInput = matrix < cell.gates
      let before = isInput ? 0 : cell.gates * shape.hidden * shape.input
      let width = isInput ? shape.input : shape.hidden
      return (
        direction * weights + before + matrix % cell.gates * shape.hidden * width,
        directions * weights + direction * 2 * cell.gates * shape.hidden + matrix * shape.hidden
      )
    }
    #expect(map.pieces.count == (directions == 1 ? 1 : 4))
    let own = Set(map.pieces.flatMap { $0.own..<$0.own + $0.count })
    let theirs = Set(map.pieces.flatMap { $0.theirs..<$0.theirs + $0.count })
    #expect(own == Set(0..<shape.parameterCount) && theirs == own)
  }
}
