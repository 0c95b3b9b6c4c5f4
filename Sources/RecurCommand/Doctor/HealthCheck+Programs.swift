import Collective
import Files
import FoundationEssentials

extension HealthCheck {
  static var gnuplot: HealthCheck {
    guard let path = Gnuplot.find() else {
      return HealthCheck(
        name: "gnuplot", status: .warn, detail: "not installed: recur plot does not work",
        advice: "apt-get install gnuplot-nox")
    }
    return HealthCheck(name: "gnuplot", status: .ok, detail: firstLine(of: path, "--version") ?? path)
  }

  /// The first line a program prints about itself; nil where it can't be run.
  private static func firstLine(of path: String, _ argument: String) -> String? {
    output(of: path, argument)?.first { !$0.isEmpty }
  }

  /// The lines a program prints; nil where it can't be run, or is killed each time.
  static func output(of path: String, _ argument: String) -> [String]? {
    for _ in 0..<3 {
      guard let (bytes, end) = try? ChildProcess.output(of: path, [argument]) else { return nil }
      if case .code = end { return Lines.texts(of: Data(bytes)) }
    }
    return nil
  }
}
