import Files
import Foundation

extension HealthCheck {
  static var mpi: HealthCheck {
    guard let path = SearchPath.find("mpirun") else {
      return HealthCheck(
        name: "MPI", status: .warn, detail: "mpirun is not installed: one process only",
        advice: "apt-get install openmpi-bin libopenmpi-dev")
    }
    return HealthCheck(name: "MPI", status: .ok, detail: firstLine(of: path, "--version") ?? path)
  }

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
    let process = Process()
    let words = Pipe()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = [argument]
    process.standardOutput = words
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let lines = Lines.texts(of: words.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    return lines.first { !$0.isEmpty }
  }
}
