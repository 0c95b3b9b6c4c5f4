import CCUDA
import CUDA
import Collective
import Devices
import Recurrent
import TestSupport
import Testing
import Training

/// Gradients that leave the device layer by layer, while the layers below are computed.
@Suite(.tags(.long)) struct OverlapTests {
  /// Networks with a layer below another one, and ones without any.
  static let checks = DeviceCheck.all.filter {
    $0.network.layers > 1 || $0.network.cell == .none || $0.network.head.isEmpty
  }

  /// Gradients of two micro-batches, and what the executor was asked for at the second one.
  private func gradients(_ c: DeviceCheck, _ engine: Engine, inParts: Bool) throws
    -> (values: [Float], log: [ShimExecutor.Event], final: [Int])
  {
    let executor = ShimExecutor(seed: 5)
    var final: [Int] = []
    let values = try c.gradients(on: executor, engine: engine, inParts: inParts) { final.append($0) }
    // After the first micro-batch.
    let start = try #require(executor.log.firstIndex(of: .run(.compute))) + 1
    return (values, Array(executor.log[start...]), final)
  }

  @Test(arguments: checks, Engine.allCases)
  func partsGiveTheSameBits(_ c: DeviceCheck, _ engine: Engine) throws {
    guard engine.can(c.plan(on: ShimExecutor())) else { return }
    let whole = try gradients(c, engine, inParts: false)
    let parts = try gradients(c, engine, inParts: true)
    let isFinite = whole.values.allSatisfy { $0.isFinite }
    #expect(isFinite)
    #expect(parts.values == whole.values)
  }

  /// A copy begins after its layer and before the one below, and nobody waits before all is under way.
  @Test func layersLeaveInTheOrderBackwardEndsThem() throws {
    let c = DeviceCheck(.lstm) { $0.network.layers = 3 }
    let (values, log, final) = try gradients(c, .stepwise, inParts: true)
    let layout = ParameterLayout(c.network)
    #expect(final == layout.boundaries)
    #expect(final.count == 4 && final.last == 0)
    var ends = [values.count] + final
    let reads = final.map { start in
      let end = ends.removeFirst()
      return ShimExecutor.Event.read(offset: 4 * start, bytes: 4 * (end - start))
    }
    let issued = (0..<4).flatMap { [ShimExecutor.Event.run(.part($0)), reads[$0]] }
    let finished = log.dropFirst(issued.count).map { $0 }
    #expect(Array(log.prefix(issued.count)) == issued)
    #expect(finished.count == 4 && finished == finished.sorted { "\($0)" < "\($1)" })
  }

  /// Two ranks, layer by layer and in one message.
  @Test func ranksGetTheSameBitsEitherWay() throws {
    let c = DeviceCheck(.gru) { $0.network.layers = 3 }
    func train(least: Int) throws -> [(parameters: [Float], choice: GradientReduction.Choice?)] {
      try Threaded.withRanks(2) { group in
        let device = try c.model(on: ShimExecutor(seed: UInt64(group.rank)), engine: .walk)
        let reduction = try DeviceReduction(
          device, group, boundaries: ParameterLayout(c.network).boundaries, least: least)
        var choice: GradientReduction.Choice?
        for step in 0..<13 {
          try device.begin(c.control())
          let sums = try reduction.compute(c.samples(2 * step + group.rank), [1, 0])
          #expect(sums == [2, 0])
          #expect(try device.update().weight == Double(4 * c.batch))
          choice = try reduction.stepEnded(seconds: 1) ?? choice
        }
        return (try device.parameters(), choice)
      }
    }
    let one = try train(least: .max)
    let layers = try train(least: 4)
    #expect(one[0].choice?.milliseconds == nil)
    #expect(layers[0].choice?.milliseconds != nil, "both ways were tried")
    #expect(layers.map(\.parameters) == one.map(\.parameters))
    #expect(one[0].parameters == one[1].parameters)
  }

  /// A rank that has no samples takes part with zeros, whatever its memory holds.
  @Test func aRankWithoutSamplesGivesZeros() throws {
    let c = DeviceCheck(.lstm) { $0.network.layers = 2 }
    let parameters = try Threaded.withRanks(2) { group in
      let device = try c.model(on: ShimExecutor(), engine: .stepwise)
      let reduction = try DeviceReduction(
        device, group, boundaries: ParameterLayout(c.network).boundaries, least: 4)
      for step in 0..<4 {
        try device.begin(c.control())
        if group.rank == 0 {
          _ = try reduction.compute(c.samples(step), [])
        } else {
          _ = try reduction.compute(nil, [])
        }
        _ = try device.update()
        _ = try reduction.stepEnded(seconds: 1)
      }
      return try device.parameters()
    }
    let alone = try c.model(on: ShimExecutor(), engine: .stepwise)
    for step in 0..<4 { _ = try alone.step(c.samples(step), c.control()) }
    #expect(parameters[0] == parameters[1])
    let expected = try alone.parameters()
    #expect(parameters[0] == expected)
  }
}

extension DeviceCheck {
  fileprivate func model(on executor: any Executor, engine: Engine) throws -> DeviceModel {
    let start = try Model(network, seed: 3)
    return try model(on: executor, start, Optimizer(optimizer, count: start.layout.count), engine: engine)
  }

  fileprivate func control() -> step_control {
    Optimizer(optimizer, count: 1).control(seed: 9, step: 0, learningRate: learningRate, limits)
  }
}

extension DeviceModel {
  fileprivate func parameters() throws -> [Float] {
    var values = [Float](repeating: .nan, count: ParameterLayout(network).count)
    try values.withUnsafeMutableBufferPointer { try store(parameters: $0, states: []) }
    return values
  }
}
