import Foundation
import TestSupport
import Testing

/// Pictures of what is hardly there, and of names that try to be commands.
@Suite(.tags(.mpi), .enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"))
struct PlotTests {
  /// A run that tells 20 + 20 rows apart by a label.
  private func trained(labels: [String], name: String = "x", _ settings: String...) throws -> Folder {
    let folder = try Folder()
    let rows = (0..<40).map { "\($0),\"\(labels[$0 % labels.count])\"" }
    try folder.write("d.csv", (["a,l"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      name: \(try quoted(name))
      data: {format: csv, path: d.csv, features: [a], label: l, split: {train: 20, test: rest}}
      model: {cell: none, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 1, batch_size: 10}
      """)
    let outcome = try Command.run(
      arguments: ["train", "r.yaml", "--out", "run"] + settings.flatMap { ["--set", $0] }, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  /// As YAML and JSON write it.
  private func quoted(_ name: String) throws -> String {
    String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
  }

  /// The words of the picture, and what gnuplot needed for it: both kinds of file are drawn.
  private func words(_ folder: Folder) throws -> [String] {
    for kind in ["svg", "png"] {
      let outcome = try Command.run("plot", "run", "--output", "p.\(kind)", in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    let picture = try folder.read("p.svg")
    #expect(try Data(contentsOf: folder.url.appendingPathComponent("p.png")).count > 3000)
    return picture.components(separatedBy: "<text>").dropFirst().map {
      let text = $0.prefix { $0 != "<" }.trimmingCharacters(in: .whitespaces)
      return [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")].reduce(text) {
        $0.replacingOccurrences(of: $1.0, with: $1.1)
      }
    }
  }

  private func write(_ losses: [String], in folder: Folder) throws {
    let lines = losses.enumerated().map {
      "{\"event\":\"epoch\",\"epoch\":\($0),\"step\":\($0 + 1),\"train_loss\":\($1),\"train_accuracy\":0.5}"
    }
    try folder.write("run/metrics.jsonl", lines.joined(separator: "\n") + "\n")
  }

  @Test(arguments: [
    "`touch PWNED`", "'\u{301}`touch PWNED`", "\"`touch PWNED`", "\\\"`touch PWNED`\\", "'; !touch PWNED; '",
    "\nsystem('touch PWNED')\n", "\n!touch PWNED", "$(touch PWNED)", "@PWNED", "_^{x}@&~%d%s%", "\\n\\101",
    "EOD\nEOD\n", "é日本\u{202E}", "<b>&amp;",
    "+1 é2 %3",
  ])
  func namesAreNoCommands(_ name: String) throws {
    let folder = try trained(
      labels: [name.replacingOccurrences(of: "\"", with: "\"\""), "other"],
      name: name.replacingOccurrences(of: "\n", with: " ").replacingOccurrences(of: "/", with: " "))
    let words = try words(folder)
    #expect(!folder.holds("PWNED"))
    // A class is found in the picture as it is shown elsewhere, its end at least.
    let shown = name.replacingOccurrences(of: "\n", with: "\\n").replacingOccurrences(
      of: "\u{202E}", with: "\\u{202E}")
    #expect(words.contains { $0.hasSuffix(shown.suffix(3)) }, "\(words)")
  }

  @Test func aColumnNameAndAnOutputPathAreNoCommands() throws {
    let folder = try Folder()
    try folder.writeWave()
    let name = "'\u{301}`touch PWNED`\"`touch PWNED`"
    try folder.write(
      "wave.csv", try folder.read("wave.csv").replacingOccurrences(of: "a,b,y", with: "a,b,\(name)"))
    let train = try Command.run(
      "train", "wave.yaml", "--out", "run", "--set",
      "data.targets=[\(try quoted(name))]",
      in: folder.url)
    try #require(train.status == 0, "\(train.err)")
    let path = "'`touch PWNED`\".svg"
    let outcome = try Command.run("plot", "run", "--output", path, in: folder.url)
    #expect(outcome.status == 0 && folder.holds(path) && !folder.holds("PWNED"), "\(outcome.err)")
  }

  @Test func oneClass() throws {
    let words = try words(trained(labels: ["only"]))
    #expect(words.count { $0 == "only" } == 2)
    // One epoch: no tic between whole numbers.
    #expect(words.contains("1") && !words.contains("1.5") && !words.contains("0.99"), "\(words)")
  }

  @Test func aHundredClasses() throws {
    let words = try words(trained(labels: (0..<100).map { "k\($0)" }, "data.split={train: 0.5, test: rest}"))
    let names = words.filter { $0.hasPrefix("k") }
    // Forty rows hold forty classes: all have room below, a part beside.
    #expect((41...79).contains(names.count), "\(names.count)")
  }

  @Test func noLossIsANumber() throws {
    let folder = try trained(labels: ["a", "b"])
    try write(["null", "null"], in: folder)
    #expect(try words(folder).contains("nothing to draw: no value is a finite number"))
  }

  /// A line that is only half there is being written just now; one in the middle is nothing that recur writes.
  @Test func aLogThatIsBeingWritten() throws {
    let folder = try trained(labels: ["a", "b"])
    try write(["0.5", "0.25"], in: folder)
    let log = try folder.read("run/metrics.jsonl")
    for half in ["{\"event\":\"epoch\",\"epoch\":2,\"st", "{\"event\":\"st", "{"] {
      try folder.write("run/metrics.jsonl", log + half)
      let outcome = try Command.run("plot", "run", "--output", "p.svg", in: folder.url)
      #expect(outcome.status == 0 && outcome.out.contains("2 epochs of run"), "\(half): \(outcome.err)")
    }
    try folder.write("run/metrics.jsonl", "{\"event\":\"epoch\",\"ep\n" + log)
    let outcome = try Command.run("plot", "run", "--output", "p.svg", in: folder.url)
    #expect(
      outcome.status == 65 && outcome.err.contains("run/metrics.jsonl, line 1: not a line that recur writes"),
      "\(outcome.err)")
  }

  @Test(arguments: [
    ["0.5"], ["0.5", "0.5", "0.5"], ["0", "0"], ["1e300", "2e300"], ["1e-300", "1e-300"], ["1e308", "1"],
    ["5e-324", "0"], ["1e-300", "1e300"], ["null", "0.5", "null", "0.25"], ["1000000000.1", "1000000000.2"],
  ])
  func lossesOfAllKinds(_ losses: [String]) throws {
    let folder = try trained(labels: ["a", "b"])
    try write(losses, in: folder)
    let words = try words(folder)
    #expect(words.contains("epoch") && words.contains("loss (cross_entropy)"))
    // Epochs are counted: their tics are whole numbers. Those of the loss tell its values apart.
    let axis = words.prefix { $0 != "loss (cross_entropy)" }.dropLast(losses.count)
    #expect(Set(axis).count == axis.count, "\(axis)")
  }

  @Test func aGapIsNoLine() throws {
    let folder = try trained(labels: ["a", "b"])
    func strokes(_ losses: [String]) throws -> Int {
      try write(losses, in: folder)
      _ = try words(folder)
      let paths = try folder.read("p.svg").components(separatedBy: "<path").dropFirst()
        .map { $0.components(separatedBy: "/>")[0] }.filter { $0.contains("rgb(  0, 114, 178)") }
      return paths.map { $0.count { $0 == "M" } }.max() ?? 0
    }
    let unbroken = try strokes(["3", "2", "1", "2"])
    #expect(try strokes(["3", "2", "null", "1", "2"]) == unbroken + 1)
  }

  @Test func oneSample() throws {
    let folder = try Folder()
    try folder.write("d.csv", "a,y\n" + (0..<21).map { "\($0),7\n" }.joined())
    try folder.write(
      "r.yaml",
      """
      data: {format: csv, path: d.csv, features: [a], targets: [y], split: {train: 20, test: 1}}
      model: {cell: none, head: [{linear: 1}]}
      loss: mse
      train: {epochs: 1, batch_size: 10}
      """)
    _ = try Command.run("train", "r.yaml", "--out", "run", in: folder.url)
    let words = try words(folder)
    #expect(words.contains("actual y") && words.contains("test"))
  }
}
