import Foundation
import TestSupport
import Testing

/// `launch/python/load.py` predicts what recur predicts, or says by name what it does not build.
@Suite(.tags(.mpi)) struct LoadPageTests {
  static let python = [ProcessInfo.processInfo.environment["RECUR_PYTHON"], "/usr/bin/python3"]
    .compactMap(\.self).first { run($0, "import torch, safetensors.torch, yaml")?.status == 0 }

  private static func run(_ python: String, _ program: String, in folder: Folder? = nil) -> (
    status: Int32, output: String
  )? {
    guard FileManager.default.isExecutableFile(atPath: python) else { return nil }
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", program]
    process.currentDirectoryURL = folder?.url
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PYTHONPATH": Command.repository.appendingPathComponent("launch/python").path,
      "PYTHONDONTWRITEBYTECODE": "1",
    ]) { $1 }
    (process.standardOutput, process.standardError) = (pipe, pipe)
    guard (try? process.run()) != nil else { return nil }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private func ask(_ program: String, in folder: Folder) throws -> (status: Int32, output: String) {
    try #require(Self.run(Self.python!, program, in: folder))
  }

  /// Two series of very different sizes, and the last window of each.
  private func exported(_ data: String, _ loss: String) throws -> Folder {
    let folder = try Folder()
    func rows(_ times: Range<Int>) -> String {
      let rows = [1.0, 1000].enumerated().flatMap { series, size in
        times.map { "s\(series),\($0),\(size * (5 + sin(0.7 * Double($0)))),\(size * cos(0.4 * Double($0)))" }
      }
      return (["s,t,y,x"] + rows).joined(separator: "\n") + "\n"
    }
    try folder.write("d.csv", rows(0..<30))
    try folder.write("last.csv", rows(24..<30))
    try folder.write(
      "r.yaml",
      "data: {format: csv, path: d.csv, series: [s], time: t, features: [x, y], targets: [y], window: 6, \(data)}\n"
        + "model: {cell: gru, hidden_size: 5, head: [{linear: targets}]}\nloss: \(loss)\n"
        + "train: {epochs: 2, batch_size: 8}\n")
    for words in [
      ["train", "r.yaml", "--out", "run"], ["export", "run", "--safetensors", "m.safetensors"],
      ["predict", "run", "--input", "last.csv", "--output", "p.csv"],
    ] {
      let outcome = try Command.run(arguments: words, in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    return folder
  }

  private static let start = """
    import csv, numpy
    from load import load
    rows = list(csv.DictReader(open("last.csv")))
    rows = numpy.array([[[float(r["x"]), float(r["y"])] for r in rows if r["s"] == s] for s in ("s0", "s1")])
    said = list(csv.DictReader(open("p.csv")))
    model = load("m.safetensors")
    def columns(start):
        return numpy.array([[float(v) for k, v in r.items() if k.startswith(start)] for r in said])

    """

  @Test(
    .enabled(if: python != nil, "needs Python with torch, safetensors and yaml; name it in RECUR_PYTHON"),
    arguments: ["scale: standard", "scale: minmax, scale_per: series"], ["relative: true", "relative: false"])
  func `it predicts what recur predicts`(scale: String, relative: String) throws {
    for loss in ["mse", "{name: quantile, levels: [0.1, 0.5, 0.9]}"] {
      let folder = try exported("\(scale), \(relative), horizon: [1, 3]", loss)
      let outcome = try ask(
        Self.start + """
          found = model.predict(rows, series=["s0", "s1"]).numpy()
          if found.ndim == 2:
              assert numpy.allclose(found, columns("predicted_"), rtol=1e-5), (found, columns("predicted_"))
          else:
              for place, level in enumerate(("p10_", "p50_", "p90_")):
                  assert numpy.allclose(found[..., place], columns(level), rtol=1e-5), (level, found)
          print("good")
          """, in: folder)
      #expect(outcome.status == 0 && outcome.output.hasSuffix("good\n"), "\(loss): \(outcome.output)")
    }
  }

  @Test(.enabled(if: python != nil, "needs Python with torch, safetensors and yaml; name it in RECUR_PYTHON"))
  func `what it does not know is refused by name`() throws {
    for (data, loss, message) in [
      ("scale: minmax, scale_per: series, horizon: 1", "mse", "data.scale_per: series"),
      ("scale: standard, horizon: 1", "gaussian_nll", "loss gaussian_nll"),
      ("scale: standard, horizon: 1", "student_t", "loss student_t"),
    ] {
      let folder = try exported(data, loss)
      let outcome = try ask(
        Self.start + """
          try:
              print(model.predict(rows))
          except ValueError as error:
              print("refused:", error)
          """, in: folder)
      #expect(
        outcome.output.hasPrefix("refused: ") && outcome.output.contains(message), "\(outcome.output)")
    }
  }
}
