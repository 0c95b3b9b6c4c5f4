import Foundation
import TestSupport
import Testing

/// `launch/data/from_parquet.py`, where pyarrow is.
@Suite(.tags(.mpi)) struct ParquetTests {
  static let python: String? = {
    let beside = Command.repository.path + "/../venv/bin/python"
    return [ProcessInfo.processInfo.environment["RECUR_PYTHON"], beside, "/usr/bin/python3"].compactMap { $0 }
      .first { run($0, ["-c", "import pyarrow.parquet"]).status == 0 }
  }()

  private static func run(_ python: String, _ words: [String]) -> (status: Int32, text: String) {
    guard FileManager.default.isExecutableFile(atPath: python) else { return (-1, "") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = words
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    guard (try? process.run()) != nil else { return (-1, "") }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(.enabled(if: python != nil, "needs Python with pyarrow; name it in RECUR_PYTHON"))
  func aTableOfParquetTrains() throws {
    let folder = try Folder()
    let made = Self.run(
      Self.python!,
      [
        "-c",
        """
        import datetime, pyarrow, pyarrow.parquet
        start = datetime.datetime(2024, 1, 1)
        pyarrow.parquet.write_table(pyarrow.table({
          "time": [start + datetime.timedelta(hours=i) for i in range(60)], "x": [i / 8 for i in range(60)],
          "n": [None if i % 9 == 0 else i for i in range(60)],
          "city": pyarrow.array(["Rome", 'O"slo'] * 30).dictionary_encode()}), "\(folder.path("t.parquet"))")
        pyarrow.parquet.write_table(pyarrow.table({"list": [[1, 2]]}), "\(folder.path("nested.parquet"))")
        """,
      ])
    try #require(made.status == 0, "\(made.text)")
    let script = Command.repository.appendingPathComponent("launch/data/from_parquet.py").path
    let converted = Self.run(Self.python!, [script, folder.path("t.parquet"), folder.path("t.csv")])
    #expect(converted.status == 0, "\(converted.text)")
    let lines = try folder.read("t.csv").split(separator: "\n")
    #expect(
      lines.count == 61 && lines[1].hasPrefix("2024-01-01 00:00:00") && lines[1].hasSuffix(",0,,\"Rome\""),
      "\(lines[1])")
    let chosen = Self.run(Self.python!, [script, folder.path("t.parquet"), "--columns", "n,x"])
    #expect(chosen.text.split(separator: "\n").prefix(3).joined(separator: " ") == "\"n\",\"x\" ,0 1,0.125")
    for (words, text) in [
      ([folder.path("t.parquet"), "--columns", "x,y"], "has no column 'y'; it has time, x, n, city"),
      ([folder.path("nested.parquet")], "is nested"), ([folder.path("t.csv")], "from_parquet.py: "),
      ([folder.path("absent")], "from_parquet.py: "),
    ] {
      let outcome = Self.run(Self.python!, [script] + words)
      #expect(
        outcome.status == 1 && outcome.text.contains(text) && !outcome.text.contains("Traceback"),
        "\(outcome.text)")
    }
    let recipe = try Command.run("init", "t.csv", "--target", "x", in: folder.url)
    #expect(recipe.status == 0, "\(recipe.err)")
    try folder.write("recipe.yaml", recipe.out)
    let trained = try Command.run(
      "train", "recipe.yaml", "--out", "run", "--set", "train.epochs=1", in: folder.url)
    #expect(trained.status == 0, "\(trained.err)")
  }

  @Test(
    .enabled(
      if: python != nil && run(python!, ["-c", "import numpy"]).status == 0,
      "needs Python with pyarrow and numpy"))
  func shardsOfParquetTrainAsItsCSV() throws {
    let folder = try Folder()
    let made = Self.run(
      Self.python!,
      [
        "-c",
        """
        import math, pyarrow, pyarrow.parquet
        pyarrow.parquet.write_table(pyarrow.table({
          "x": [math.sin(i) for i in range(80)], "n": list(range(80)), "gap": [None] + [1.5] * 79,
          "city": pyarrow.array(["Rome", "Ösl"] * 40).dictionary_encode()}), "\(folder.path("t.parquet"))")
        """,
      ])
    try #require(made.status == 0, "\(made.text)")
    let script = Command.repository.appendingPathComponent("launch/data/from_parquet.py").path
    let columns = ["--columns", "n,x,city"]
    for target in [["\(folder.path("t.csv"))"], ["--pack", folder.path("packed")]] {
      let outcome = Self.run(Self.python!, [script, folder.path("t.parquet")] + target + columns)
      #expect(outcome.status == 0, "\(outcome.text)")
    }
    let refused = Self.run(Self.python!, [script, folder.path("t.parquet"), "--pack", folder.path("gap")])
    #expect(
      refused.status == 1 && refused.text.contains("row 1, column 'gap': the value is missing"),
      "\(refused.text)")
    #expect(try Command.run("pack", folder.path("packed"), "--check").status == 0)
    try folder.write(
      "t.yaml",
      """
      data: {format: csv, path: t.csv, features: [x, n], label: city, window: 3, scale: standard, split: {train: 50, test: rest}}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 2, batch_size: 8}
      """)
    let hashes = try ["t.csv", "packed"].map { path in
      let outcome = try Command.run(
        "train", "t.yaml", "--json", "--out", "run-\(path)", "--set", "data.path=\(path)", in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      return try outcome.json()["parameters_sha256"] as? String
    }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
  }
}
