import ArgumentParser
import Diagnostics
import Foundation

struct Plot: ParsableCommand {
  @Option var output: String
  func run() throws {
    var h = RunHistory()
    for e in 1...300 {
      h.epochs.append(
        .init(
          number: e, trainLoss: 0.0005 + 0.05 * exp(-Double(e) / 30) + 0.00002 * Double.random(in: 0...1),
          validationLoss: 0.0009 + 0.06 * exp(-Double(e) / 33)))
    }
    let actual = (0..<426).map {
      (x: Double($0), y: 2400 + 200 * sin(Double($0) / 40) + 20 * Double.random(in: -1...1))
    }
    let pred = actual.map { (x: $0.x, y: $0.y + 15 * Double.random(in: -1...1)) }
    let f = Figure(
      title: "stock-lstm: it's a run_1",
      panels: [
        .loss(h, name: "loss (mse)"),
        Panel(
          xLabel: "window", yLabel: "Close",
          curves: [
            Curve(name: "actual", style: .thinLine, color: .blue, points: actual),
            Curve(name: "predicted", style: .thinLine, color: .orange, points: pred),
          ], boundary: (200, "training", "test")),
      ])
    let d = try Gnuplot().draw(GnuplotScript(figure: f, terminal: output.hasSuffix("svg") ? .svg : .png))
    try d.write(to: URL(fileURLWithPath: output))
  }
}
