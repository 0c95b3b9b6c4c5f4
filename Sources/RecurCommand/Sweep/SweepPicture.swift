import Diagnostics
import Files
import FoundationEssentials
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a sweep has found: of each key that was tried its values, and what came of them.
struct SweepPicture {
  let comparison: RunComparison
  /// Those that were tried.
  let keys: [Name]

  /// Of the file, in the sweep's folder.
  static let name = "sweep.svg"
  /// More are no picture any more.
  private static let mostPanels = 8

  /// Draws it into a file.
  /// - Returns: false where there is nothing to draw, or nothing that draws: that is said, and costs a sweep no more than its picture.
  func draw(to path: String) throws -> Bool {
    let panels = panels
    guard !panels.isEmpty else { return false }
    let title = "\(comparison.runs.count) trials by \(comparison.metric)"
    do {
      let script = GnuplotScript(figure: Figure(title: title, panels: panels), terminal: .svg)
      let picture = try Gnuplot().draw(script)
      let file = try OutputFile(path, option: "the picture")
      try picture.withUnsafeBytes { try file.write($0) }
      try file.close()
      return true
    } catch let failure as Failure where failure.kind == .unavailable {
      Console.note("recur: no picture of the sweep: \(failure.message)")
      return false
    }
  }

  /// One for each key; none where nothing was measured yet.
  var panels: [Panel] { keys.prefix(Self.mostPanels).compactMap(panel) }

  private func panel(_ key: Name) -> Panel? {
    guard let column = comparison.keys.firstIndex(where: { $0 == key }) else { return nil }
    var trials: [(value: String, result: Double)] = []
    for (run, settings) in zip(comparison.runs, comparison.settings) {
      guard let value = settings[column], let result = comparison.metric.value(of: run) else { continue }
      trials.append((value, result))
    }
    guard !trials.isEmpty else { return nil }
    let axis = Axis(key, trials.map(\.value))
    let points = zip(axis.places, trials).map { Curve.Point($0, $1.result) }
    // The best stands first.
    let curves = [
      Curve(name: "trials", style: .points, color: .blue, points: points.dropFirst().sorted { $0.x < $1.x }),
      Curve(name: "the best", style: .points, color: .orange, points: [points[0]]),
    ]
    var panel = Panel(
      xLabel: axis.label, yLabel: "\(comparison.metric)", countsX: axis.isCounted,
      curves: curves.filter { !$0.points.isEmpty })
    panel.logarithmic = panel.spansDecades
    return panel
  }

  /// Where values lie: numbers by themselves or by their orders of magnitude, words side by side.
  private struct Axis {
    let label: String
    let places: [Double]
    let isCounted: Bool

    init(_ key: Name, _ values: [String]) {
      let numbers = values.compactMap { Double($0) }.filter(\.isFinite)
      if numbers.count == values.count, let low = numbers.min(), let high = numbers.max() {
        let isWide = low > 0 && high / low > 20
        (label, isCounted) = (isWide ? "log10 of \(key)" : "\(key)", false)
        places = isWide ? numbers.map { log10($0) } : numbers
        return
      }
      let words = Set(values.map { Name($0) }).sorted()
      label = "\(key): " + words.enumerated().map { "\($0 + 1) \($1)" }.joined(separator: ", ")
      places = values.map { value in Double(1 + words.firstIndex { $0 == Name(value) }!) }
      isCounted = true
    }
  }
}
