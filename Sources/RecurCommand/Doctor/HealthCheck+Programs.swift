import Files
import Foundation

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
      let process = Process()
      let words = Pipe()
      process.executableURL = URL(fileURLWithPath: path)
      process.arguments = [argument]
      process.standardOutput = words
      process.standardError = FileHandle.nullDevice
      guard (try? process.run()) != nil else { return nil }
      let lines = Lines.texts(of: words.fileHandleForReading.readDataToEndOfFile())
      process.waitUntilExit()
      if process.terminationReason == .exit { return lines }
    }
    return nil
  }
}
