import Foundation
import TestSupport
import Testing

/// The page of `recur report`: well-formed, of one file, and true.
@Suite(.tags(.mpi)) struct ReportTests {
  private func trained(_ settings: String..., epochs: Int = 4) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave(epochs: epochs)
    let outcome = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "run"] + settings.flatMap { ["--set", $0] }, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func page(_ folder: Folder, _ runs: String...) throws -> PageReader {
    let outcome = try Command.run(arguments: ["report"] + runs + ["--output", "p.html"], in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let reader = try PageReader(folder.read("p.html"))
    reader.expectSound()
    return reader
  }

  @Test func aRunsPageSaysWhatIsMeasured() throws {
    let folder = try trained(
      "loss={name: quantile, levels: [0.1, 0.5, 0.9]}", "model.head=[{linear: targets}]")
    let page = try page(folder, "run")
    for heading in ["Curves", "Metrics", "Data and split", "Predictions", "Time", "Recipe", "Environment"] {
      #expect(page.headings.contains(heading), "\(page.headings)")
    }
    // What `evaluate` says stands in the table, number by number.
    let measured = try Command.run("evaluate", "run", in: folder.url)
    let line = try #require(measured.out.split(separator: "\n").first { $0.hasPrefix("test") })
    let numbers = line.split(separator: " ").dropFirst().map(String.init)
    #expect(numbers.count > 5)
    for number in numbers { #expect(page.cells.contains { $0.contains(number) }, "\(number)") }
    #expect(page.text.contains("levels: [0.1, 0.5, 0.9]"))
    // The band between the outermost quantiles, of the past and of what comes.
    #expect(page.paths("band").count >= 4, "\(page.paths("band").count)")
    #expect(page.cells.contains("completed"))
  }

  @Test func classesHaveTheirConfusions() throws {
    let folder = try Folder()
    let labels = ["yes", "no", "</script><img src=x onerror=alert(1)>"]
    try folder.write(
      "d.csv", (["a,l"] + (0..<60).map { "\($0 % 7),\"\(labels[$0 % 3])\"" }).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      name: "</title><script>alert(1)< & '"
      data: {format: csv, path: d.csv, features: [a], label: l, split: {train: 30, test: rest}}
      model: {cell: none, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 2, batch_size: 10}
      """.replacingOccurrences(of: "</", with: "<"))
    let run = "<img onerror=x>&\"'"
    let train = try Command.run("train", "r.yaml", "--out", run, in: folder.url)
    try #require(train.status == 0, "\(train.err)")
    let page = try page(folder, run)
    #expect(!page.elements.contains("img") && !page.elements.contains("script"))
    #expect(
      page.cells.contains(labels[2]) && page.text.contains(run) && page.text.contains("<script>alert(1)<"))
    #expect(page.texts(in: "svg").contains { $0.hasPrefix("</script>") })
    #expect(page.paths("shade").count > 2)
  }

  @Test func runsLieOverOneAnother() throws {
    let folder = try trained()
    for name in ["other", "third"] {
      let outcome = try Command.run(
        "train", "wave.yaml", "--out", name, "--set", "seed=\(name.count)", in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    let page = try page(folder, "run", "other", "third")
    #expect(page.headings.contains("Comparison") && page.headings.filter { $0.hasPrefix("Run ") }.count == 3)
    for name in ["run", "other", "third"] { #expect(page.texts(in: "li").contains(name), "\(name)") }
    let table = try Command.run("compare", "run", "other", "third", in: folder.url)
    let best = try #require(table.out.split(separator: "\n").dropFirst().first?.split(separator: " ").first)
    #expect(page.rows.first { $0.count > 5 }?.first == String(best), "\(page.rows)")
  }

  @Test func whatIsGoneIsSaid() throws {
    let folder = try trained()
    try FileManager.default.removeItem(atPath: folder.path("wave.csv"))
    let report = try Command.run("report", "run", "--output", "p.html", "--json", in: folder.url)
    #expect(report.status == 0 && report.err.contains("The data can't be read"), "\(report.err)")
    let missing = try #require(report.json()["runs"] as? [[String: Any]]).first?["missing"] as? [String]
    #expect(missing?.count == 1 && missing?.first?.contains("wave.csv") == true)
    var page = try PageReader(folder.read("p.html"))
    page.expectSound()
    // The log has its metrics all the same.
    #expect(page.text.contains("The data can't be read") && page.cells.contains("validation.loss"))

    let log = try folder.read("run/metrics.jsonl")
    try folder.write("run/metrics.jsonl", String(log.dropLast(9)))
    try FileManager.default.removeItem(atPath: folder.path("run/checkpoints"))
    try FileManager.default.createDirectory(
      atPath: folder.path("run/checkpoints"), withIntermediateDirectories: true)
    page = try self.page(folder, "run")
    #expect(page.text.contains("There is no checkpoint yet") && page.text.contains("not ended"))
    #expect(!page.paths("line").isEmpty)
    try folder.write("run/metrics.jsonl", "")
    #expect(try self.page(folder, "run").text.contains("No epoch has ended yet"))
  }

  @Test func aRunThatIsStillWrittenHasWhatIsThere() throws {
    let folder = try Folder()
    try folder.writeWave()
    let running = try Command.start(
      "train", "wave.yaml", "--out", "now", "--set", "train.epochs=1000000", in: folder.url)
    running.waitForError(containing: "epoch ")
    let page = try page(folder, "now")
    kill(running.process.processIdentifier, SIGTERM)
    #expect(running.outcome().status == 75)
    #expect(page.cells.contains("under way"))
  }

  @Test func aLongLogStaysSmallAndKeepsItsExtremes() throws {
    let folder = try trained()
    var lines = (0..<60_000).map { epoch in
      "{\"event\":\"epoch\",\"epoch\":\(epoch),\"step\":\(epoch + 1),\"train_loss\":\(0.5 + 0.1 * sin(Double(epoch)))}"
    }
    lines[40_321] = "{\"event\":\"epoch\",\"epoch\":40321,\"step\":40322,\"train_loss\":0.9}"
    try folder.write("run/metrics.jsonl", lines.joined(separator: "\n") + "\n")
    let page = try page(folder, "run")
    let curve = try #require(page.paths("line").max { $0.count < $1.count })
    #expect(curve.count < 40_000)
    let heights = curve.split { $0 == "M" || $0 == "L" }.compactMap {
      $0.split(separator: " ").last.flatMap { Double($0) }
    }
    // Upwards is less: the one high value stands above all others.
    let sorted = heights.sorted()
    #expect(sorted[1] - sorted[0] > 50, "\(sorted.prefix(3))")
  }

  @Test func threeHundredClassesStaySmall() throws {
    let folder = try Folder()
    let rows = (0..<1200).map { "\($0),k\(($0 * 7919) % 300)" }
    try folder.write("d.csv", (["a,l"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      data: {format: csv, path: d.csv, features: [a], label: l, split: {train: 0.5, test: rest}}
      model: {cell: none, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 1, batch_size: 100}
      """)
    for name in ["a", "b", "c"] {
      try #require(Command.run("train", "r.yaml", "--out", name, in: folder.url).status == 0)
    }
    _ = try page(folder, "a", "b", "c")
  }

  @Test func seriesHaveTheirErrors() throws {
    let folder = try Folder()
    let rows = (0..<40).flatMap { t in
      ["low,\(t),\(sin(Double(t)))", "<b>high,\(t),\(1000 * cos(Double(t * t)))"]
    }
    try folder.write("d.csv", (["s,t,y"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      data: {format: csv, path: d.csv, series: [s], features: [y], targets: [y], window: 4, horizon: 1, scale: minmax, scale_per: series, split: {train: 0.6, test: rest}}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: [{linear: 1}]}
      loss: mse
      train: {epochs: 1, batch_size: 8}
      """)
    let train = try Command.run("train", "r.yaml", "--out", "run", in: folder.url)
    try #require(train.status == 0, "\(train.err)")
    let page = try page(folder, "run")
    let names = page.rows.filter { $0.count == 4 }.compactMap(\.first).filter {
      ["low", "<b>high"].contains($0)
    }
    #expect(names == ["<b>high", "low"], "\(page.rows)")
  }
}

extension ReportTests {
  @Test func thePageIsAnOutputLikeOthers() throws {
    let folder = try trained()
    let shown = try Command.run("report", "run", "--output", "-", in: folder.url)
    #expect(shown.status == 0 && shown.out.hasPrefix("<!DOCTYPE html>") && shown.out.hasSuffix("</html>\n"))
    try folder.write("p.html", "old")
    #expect(try Command.run("report", "run", "--output", "p.html", in: folder.url).status == 0)
    #expect(try folder.read("p.html").hasPrefix("<!DOCTYPE html>"))
    for (arguments, code) in [
      (["run", "--output", "/dev/full"], 74), (["run", "--output", "nowhere/p.html"], 74),
      (["run", "--output", "wave.csv"], 64), (["run", "--output", "run/metrics.jsonl"], 64),
      (["nothing", "--output", "p.html"], 66), (["--output", "p.html"], 64), (["run"], 64),
      (["run", "--output", "-", "--json"], 64),
    ] {
      let outcome = try Command.run(arguments: ["report"] + arguments, in: folder.url)
      #expect(outcome.status == Int32(code), "\(arguments): \(outcome.err)")
    }
    try FileManager.default.createDirectory(atPath: folder.path("empty"), withIntermediateDirectories: true)
    #expect(try Command.run("report", "empty", "--output", "q.html", in: folder.url).status == 65)
    #expect(!folder.holds("q.html"))
  }
}
