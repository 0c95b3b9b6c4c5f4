import Foundation
import TestSupport
import Testing

/// `recur export --onnx` where numbers depend on more than what the network reads: changes, and scales of each series.
@Suite(.tags(.mpi), .enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
struct ExportUnitsTests {
  /// Three series at different heights, of which one is trained.
  private func trained(_ settings: String...) throws -> Folder {
    let folder = try Folder()
    let rows = (0..<90).map { i in
      let (series, time) = (i / 30, i % 30)
      let value = Double(1000 * (series + 1)) + 20 * sin(0.5 * Double(time) + Double(series))
      return "\(["one", "two", "new"][series]),\(time),\(value),\(cos(0.5 * Double(time)))"
    }
    try folder.write("r.csv", (["s,t,y,x"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      name: units
      seed: 3
      data:
        {format: csv, path: r.csv, series: [s], time: t, features: [y, x], targets: [y], scale: standard, window: 4,
         horizon: [1, 2], split: {by: series, train: 1, validation: 1, test: rest}}
      model: {cell: lstm, hidden_size: 6, head: [{linear: targets}]}
      loss: {name: quantile, levels: [0.1, 0.5, 0.9]}
      train: {epochs: 3, batch_size: 8}
      """)
    let outcome = try Command.run(
      arguments: ["train", "r.yaml", "--out", "run"] + settings.flatMap { ["--set", $0] }, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    for words in [
      ["export", "run", "--onnx", "m.onnx"], ["predict", "run", "--output", "new.csv"],
      ["predict", "run", "--split", "train", "--output", "old.csv"],
    ] {
      let outcome = try Command.run(arguments: words, in: folder.url)
      try #require(outcome.status == 0, "\(words): \(outcome.err)")
    }
    return folder
  }

  /// Runs the network for each window that `predict` has predicted.
  private static let compare = """
    import csv, json, sys
    import numpy, onnx, onnxruntime
    folder = sys.argv[1] + "/"
    model = onnx.load(folder + "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    said = {entry.key: entry.value for entry in model.metadata_props}
    session = onnxruntime.InferenceSession(folder + "m.onnx", providers=["CPUExecutionProvider"])
    wanted = [value.name for value in session.get_inputs()]
    table = list(csv.DictReader(open(folder + "r.csv")))
    values = {name: numpy.array([[float(row["y"]), float(row["x"])] for row in table if row["s"] == name])
      for name in ("one", "two", "new")}
    seen = json.loads(said.get("series", "[]"))
    windows, bases, series, expected = [], [], [], []
    for row in [row for name in ("old.csv", "new.csv") for row in csv.DictReader(open(folder + name))]:
      end = int(row["time"])  # Of the first horizon.
      own = values[row["series"]]
      windows.append(own[end - 4:end])
      bases.append([own[end - 1, 0]])
      series.append(1 + seen.index(row["series"]) if row["series"] in seen else 0)
      expected.append([float(value) for name, value in row.items() if name[:3] in ("p10", "p50", "p90")])
    given = {"input": numpy.array(windows, "float32"), "base": numpy.array(bases, "float32"), "series": numpy.array(series)}
    found = session.run(["output"], {name: given[name] for name in wanted})[0]
    expected = numpy.array(expected)
    assert found.shape == expected.shape == (75, 6), (found.shape, expected.shape)
    assert numpy.abs(found - expected).max() < 1e-5 * numpy.abs(expected).max(), (found, expected)
    print(wanted, seen, sorted(set(series)))
    print("good")
    """

  @Test func `changes count from what is given as base`() throws {
    let said = try TestONNX.expectGood(trained("data.relative=true"), Self.compare)
    #expect(said.contains("['input', 'base'] [] [0]"), "\(said)")
  }

  @Test(arguments: ["standard", "minmax"])
  func `each series has its own scales, and one that training has not seen those over all`(_ scale: String)
    throws
  {
    let folder = try trained("data.scale_per=series", "data.scale=\(scale)")
    let said = try TestONNX.expectGood(folder, Self.compare)
    #expect(said.contains("['input', 'series'] ['new'] [0, 1]"), "\(said)")
  }

  @Test func `both together, and neither where the network is raw`() throws {
    let folder = try trained("data.scale_per=series", "data.relative=true")
    let said = try TestONNX.expectGood(folder, Self.compare)
    #expect(said.contains("['input', 'series', 'base']"), "\(said)")
    let raw = try Command.run("export", "run", "--onnx", "m.onnx", "--raw", in: folder.url)
    #expect(raw.status == 0, "\(raw.err)")
    try TestONNX.expectGood(
      folder,
      """
      import sys, onnxruntime
      session = onnxruntime.InferenceSession(sys.argv[1] + "/m.onnx", providers=["CPUExecutionProvider"])
      assert [value.name for value in session.get_inputs()] == ["input"]
      print("good")
      """)
  }
}
