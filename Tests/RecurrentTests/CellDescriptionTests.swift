import Recurrent
import TestSupport
import Testing

@Suite("What is written down about a cell", .tags(.fast)) struct CellDescriptionTests {
  private static let nonlinearities = Network.Nonlinearity.allCases

  /// The cells of PyTorch, and those it has not.
  private static let kinds: [Network] = {
    let plain = Network.Cell.recurrent.map {
      Network($0, inputs: 1, hidden: 1, steps: 1, head: [])
    }
    return plain
      + plain.compactMap { kind in
        var kind = kind
        (kind.peepholes, kind.resetAfter) = (kind.cell == .lstm, kind.cell != .gru)
        return kind == plain.first { $0.cell == kind.cell } ? nil : kind
      }
  }()

  /// A fault is found again with the seed that it names.
  @Test(arguments: kinds)
  func `its derivatives are those of its equations`(_ kind: Network) {
    let (cell, seed) = (CellDescription(kind), UInt64.random(in: 0...UInt64.max))
    let peepholes = cell.peepholes?.count ?? 0
    var random = SplitMix(state: seed)
    for nonlinearity in Self.nonlinearities {
      for _ in 0..<100 {
        // Both products, then the state before and the peepholes.
        let gates = cell.gates.count
        var x: [Double] = []
        repeat {
          x = (0..<2 * gates + 1 + peepholes).map { _ in Double.random(in: -2...2, using: &random) }
          // relu has no derivative at 0.
        } while abs(x[0] + x[gates]) < 1e-3
        let (dHidden, dState) = (
          Double.random(in: -1...1, using: &random),
          cell.hasCellState ? Double.random(in: -1...1, using: &random) : 0
        )
        func step(_ x: [Double]) -> CellDescription.UnitStep {
          cell.step(
            Array(x[..<gates]), Array(x[gates..<2 * gates]), before: x[2 * gates],
            peepholes: Array(x[(2 * gates + 1)...]), nonlinearity)
        }
        func total(_ x: [Double]) -> Double {
          let s = step(x)
          return dHidden * s.hidden + dState * s.state
        }
        let d = cell.stepBack(step(x), dHidden: dHidden, dState: dState, nonlinearity)
        for (index, slope) in (d.input + d.recurrent + [d.before] + d.peepholes).enumerated() {
          var (low, high) = (x, x)
          low[index] -= 1e-5
          high[index] += 1e-5
          let difference = (total(high) - total(low)) / 2e-5
          #expect(abs(difference - slope) < 1e-8, "\(kind.cell) \(nonlinearity) \(index), seed \(seed)")
        }
      }
    }
  }

  /// By their letters: what ONNX calls c is PyTorch's g, its h of a GRU PyTorch's n.
  @Test func `ONNX has the same gates in another order`() {
    let orders = Network.Cell.recurrent.map { kind in
      let cell = CellDescription(kind)
      return cell.onnx.operatorName + " " + cell.onnx.gateOrder.map { cell.gates[$0].name }.joined()
    }
    #expect(orders == ["RNN h", "LSTM iofg", "GRU zrn"])
    #expect(
      Self.kinds.map { CellDescription($0).onnx.linearBeforeReset } == [false, false, true, false, false])
    let seeing = CellDescription(Self.kinds[3])
    let peepholes = seeing.peepholes.map { $0.before + $0.after }!.map { seeing.gates[$0].name }
    #expect(seeing.onnx.peepholeOrder.map { peepholes[$0] } == ["i", "o", "f"])
  }

  @Test func `what a cell takes is what PyTorch's modules take`() {
    #expect(Network.Cell.words(where: \.takesProjection) == "lstm")
    #expect(Network.Cell.words(where: \.takesNonlinearity) == "rnn")
    #expect(Network.Cell.words(where: \.hasCellState) == "lstm")
    #expect(Network.Cell.words { $0.gatedProduct == nil } == "rnn or lstm")
    let lstm = CellDescription(.lstm)
    #expect(lstm.forgetGate.map { lstm.gates[$0].name } == "f")
    #expect(CellDescription(.none).gates.isEmpty)
  }
}
