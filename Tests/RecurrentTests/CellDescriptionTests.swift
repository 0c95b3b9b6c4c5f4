import Recurrent
import TestSupport
import Testing

@Suite("What is written down about a cell") struct CellDescriptionTests {
  private static let nonlinearities = Architecture.Nonlinearity.allCases

  /// A fault is found again with the seed that it names.
  @Test(arguments: Architecture.Cell.recurrent)
  func `its derivatives are those of its equations`(_ kind: Architecture.Cell) {
    let (cell, seed) = (CellDescription(kind), UInt64.random(in: 0...UInt64.max))
    var random = SplitMix(state: seed)
    for nonlinearity in Self.nonlinearities {
      for _ in 0..<100 {
        // Both products, then the state before.
        let gates = cell.gates.count
        var x: [Double] = []
        repeat {
          x = (0..<2 * gates + 1).map { _ in Double.random(in: -2...2, using: &random) }
          // relu has no derivative at 0.
        } while abs(x[0] + x[gates]) < 1e-3
        let (dHidden, dState) = (
          Double.random(in: -1...1, using: &random),
          cell.hasCellState ? Double.random(in: -1...1, using: &random) : 0
        )
        func step(_ x: [Double]) -> CellDescription.UnitStep {
          cell.step(Array(x[..<gates]), Array(x[gates..<2 * gates]), before: x[2 * gates], nonlinearity)
        }
        func total(_ x: [Double]) -> Double {
          let s = step(x)
          return dHidden * s.hidden + dState * s.state
        }
        let d = cell.stepBack(step(x), dHidden: dHidden, dState: dState, nonlinearity)
        for (index, slope) in (d.input + d.recurrent + [d.before]).enumerated() {
          var (low, high) = (x, x)
          low[index] -= 1e-5
          high[index] += 1e-5
          let difference = (total(high) - total(low)) / 2e-5
          #expect(abs(difference - slope) < 1e-8, "\(kind) \(nonlinearity) \(index), seed \(seed)")
        }
      }
    }
  }

  /// By their letters: what ONNX calls c is PyTorch's g, its h of a GRU PyTorch's n.
  @Test func `ONNX has the same gates in another order`() {
    let orders = Architecture.Cell.recurrent.map { kind in
      let cell = CellDescription(kind)
      return cell.onnx.operatorName + " " + cell.onnx.gateOrder.map { cell.gates[$0].name }.joined()
    }
    #expect(orders == ["RNN h", "LSTM iofg", "GRU zrn"])
    #expect(
      Architecture.Cell.recurrent.map { CellDescription($0).onnx.linearBeforeReset } == [false, false, true])
  }

  @Test func `what a cell takes is what PyTorch's modules take`() {
    #expect(Architecture.Cell.words(where: \.takesProjection) == "lstm")
    #expect(Architecture.Cell.words(where: \.takesNonlinearity) == "rnn")
    #expect(Architecture.Cell.words(where: \.hasCellState) == "lstm")
    #expect(Architecture.Cell.words { $0.gatedProduct == nil } == "rnn or lstm")
    let lstm = CellDescription(.lstm)
    #expect(lstm.forgetGate.map { lstm.gates[$0].name } == "f")
    #expect(CellDescription(.none).gates.isEmpty)
  }
}
