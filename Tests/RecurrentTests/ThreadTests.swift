import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Threads") struct ThreadTests {
  static let cells: [Network.Cell] = [.rnn, .lstm, .gru]

  /// Outputs and gradients of one step, big enough for every part of it to be shared.
  private func step(_ network: Network, threads: Int, kernels: KernelSet) throws -> [Float] {
    let (steps, batch) = (network.steps, 37)
    let model = try Model(network, seed: 3, kernels: kernels, threads: threads)
    let inputs = Reference.wave(steps * batch * network.inputSize, phase: 0.2)
    let made = Batch(timeMajor: inputs, features: network.inputSize, steps: steps)
    let outputs = model.forward(made, mode: .training(seed: 1, step: 2))
    let kept = Array(outputs)
    model.backward(Reference.wave(outputs.count, phase: 0.9))
    return kept + Array(model.gradients)
  }

  @Test(arguments: cells, [false, true]) func `any number gives the same bits`(
    _ cell: Network.Cell, _ bidirectional: Bool
  ) throws {
    for kernels in KernelSet.available + KernelSet.availableBF16 {
      var a = Network(
        cell, inputs: 40, hidden: 52, steps: 9, head: [.linear(70), .relu, .linear(33)])
      a.layers = 2
      a.bidirectional = bidirectional
      a.dropout = 0.3
      a.readout = .everyStep
      let alone = try step(a, threads: 1, kernels: kernels)
      for threads in [2, 3, 5] {
        let shared = try step(a, threads: threads, kernels: kernels)
        #expect(shared == alone, "\(kernels.name), \(threads) threads")
      }
    }
  }

  /// More threads than cores, and more than some pieces of work have parts: each waits for others that have lost theirs.
  @Test(arguments: cells, [8, 16]) func `many threads on few cores give the same bits`(
    _ cell: Network.Cell, _ threads: Int
  ) throws {
    var a = Network(cell, inputs: 40, hidden: 52, steps: 5, head: [.linear(33)])
    a.bidirectional = true
    a.readout = .everyStep
    let alone = try step(a, threads: 1, kernels: .preferred)
    for _ in 0..<3 { #expect(try step(a, threads: threads, kernels: .preferred) == alone) }
  }

  /// What one thread has of the multiply-adds of a layer's step, as it is cut, against an equal share: rows of all steps for the products
  /// of rows, rows of the batch for the time loops, outputs for the gradients.
  @Test(arguments: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
  func `work is shared evenly to 64 threads`(_ threads: Int) {
    let shares = (0..<threads).map { Team.Share(index: $0, count: threads) }
    for (steps, batch, gates) in [(100, 64, 1024), (64, 64, 2048), (35, 64, 4096), (35, 128, 2600)] {
      let rows = BatchRows(steps: steps, batch: batch)
      for (parts, total, grain) in [
        (shares.map { $0.of(rows.count) }, rows.count, 1),
        (shares.map { rows.part(of: $0.index, among: threads) }, batch, 1),
        (shares.map { $0.of(gates, grain: 24) }, gates, 24),
      ] {
        #expect(parts.flatMap { Array($0) } == Array(0..<total), "each once, in order")
        let most = parts.map(\.count).max()!
        #expect(most * threads < total + grain * threads, "\(total) among \(threads): \(most)")
      }
    }
  }

  @Test func `a team does each share once`() throws {
    for threads in 1...4 {
      let team = try Team(threads: threads)
      for total in [0, 1, 7, 64, 1000] {
        let counts = UnsafeMutableBufferPointer<Int32>.allocate(capacity: total)
        defer { counts.deallocate() }
        counts.initialize(repeating: 0)
        for _ in 0..<200 {
          team.run(.projection, operations: .max) { share in
            for index in share.of(total, grain: 5) { counts[index] += 1 }
          }
        }
        #expect(counts.allSatisfy { $0 == 200 }, "\(threads) threads, \(total) items")
      }
    }
  }
}
