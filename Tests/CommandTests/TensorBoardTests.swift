import Foundation
import TestSupport
import Testing

/// A Python that has tensorboard: `RECUR_TEST_TENSORBOARD` names it (`.ci/run` makes it).
private let tensorBoardPython = ProcessInfo.processInfo.environment["RECUR_TEST_TENSORBOARD"].flatMap {
  FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil
}

/// Events of a run as TensorBoard's own reader has them: each number of `metrics.jsonl` once, whatever was killed on the way.
@Suite(
  .tags(.mpi),
  .enabled(
    if: tensorBoardPython != nil, "needs Python with tensorboard; name it in RECUR_TEST_TENSORBOARD"))
struct TensorBoardTests {
  /// What is read of a folder.
  private struct Events: Decodable {
    struct Settings: Decodable {
      let name: String?
      let values: [String: Value]?
      let status: Int?
    }
    enum Value: Decodable, Equatable {
      case number(Double)
      case word(String)
      case flag(Bool)

      /// Of numbers, as float32 tells them apart.
      func isNear(_ other: Value) -> Bool {
        guard case .number(let a) = self, case .number(let b) = other else { return self == other }
        return abs(a - b) <= 1.2e-7 * abs(b)
      }

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let flag = try? value.decode(Bool.self) {
          self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
          self = .number(number)
        } else {
          self = .word(try value.decode(String.self))
        }
      }
    }
    let scalars: [String: [[Value]]]
    let histograms: [String: [[Double]]]
    let images: [String: [[Image]]]
    let settings: Settings
    enum Image: Decodable, Equatable {
      case number(Int)
      case size([Int])
      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Int.self) {
          self = .number(number)
        } else {
          self = .size(try value.decode([Int].self))
        }
      }
    }
  }

  private func read(_ folder: String) throws -> Events {
    let script = Command.repository.appendingPathComponent("Tests/Reference/tensorboard_check.py").path
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: try #require(tensorBoardPython))
    process.arguments = [script, folder]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return try #require(try JSONDecoder().decode([Events].self, from: output).first)
  }

  /// What the log has: by tag the steps and numbers, in float32 as TensorBoard keeps them.
  private func log(_ run: String) throws -> [String: [[Events.Value]]] {
    var found: [String: [[Events.Value]]] = [:]
    func add(_ tag: String, _ step: Int, _ value: Any) {
      switch value {
      case let numbers as [Any]:
        for (index, number) in numbers.enumerated() { add("\(tag)/\(index)", step, number) }
      case let number as Double:
        found[tag, default: []].append([.number(Double(step)), .number(Double(Float(number)))])
      case is NSNull: found[tag, default: []].append([.number(Double(step)), .word("nan")])
      default: break
      }
    }
    for text in try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n") {
      let line = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      guard let event = line["event"] as? String, let step = line["step"] as? Int else { continue }
      for (key, value) in line
      where !["event", "step", "epoch", "epochs", "evaluated_step", "samples"].contains(key) {
        if let part = value as? [String: Any] {
          let prefix = event == "epoch" ? key : "\(event)/\(key)"
          for (name, value) in part {
            add("\(prefix)/\(name)", line["evaluated_step"] as? Int ?? step, value)
          }
        } else {
          add("\(event)/\(key)", step, value)
        }
      }
      if event == "skipped" { add("skipped", step, 1.0) }
    }
    return found
  }

  private func expectEqual(_ events: Events, _ run: String) throws {
    let log = try log(run)
    #expect(Set(events.scalars.keys) == Set(log.keys))
    for (tag, expected) in log {
      let found = events.scalars[tag] ?? []
      let isEqual =
        found.count == expected.count
        && zip(found, expected).allSatisfy { $0[0] == $1[0] && $0[1].isNear($1[1]) }
      #expect(isEqual, "\(tag): \(found.count) of \(expected.count)")
    }
  }

  private static let settings = [
    "--set", "train.log_every_steps=1", "--set", "train.tensorboard_histograms=3", "--set", "loss=mae",
  ]

  @Test func allThatTheLogHasIsThere() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 6)
    let outcome = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "run", "--tensorboard", "events"] + Self.settings,
      in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let events = try read(folder.path("events"))
    try expectEqual(events, folder.path("run"))
    #expect(events.scalars["step/gradient_norm"]?.count == 30 && events.scalars["validation/mae"]?.count == 6)
    // 6 units of 3 gates over 2 inputs, after the third epoch and the sixth.
    #expect(events.histograms["parameters/rnn.weight_ih_l0"] == [[15, 36], [30, 36]])
    #expect(events.histograms["gradients/fc.bias"] == [[15, 1], [30, 1]])
    let values = try #require(events.settings.values)
    #expect(values["optimizer.lr"] == .number(0.01) && values["model.cell"] == .word("gru"))
    #expect(
      values["train.shuffle"] == .flag(true) && events.settings.name == "wave" && events.settings.status == 1)
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/gnuplot") {
      let pictures = try #require(events.images["pictures/predictions"])
      #expect(!pictures.isEmpty)
      for picture in pictures { #expect(picture[3] == .size([1000, 560])) }
      #expect(pictures.last?[0] == .number(30), "\(pictures)")
    }
  }

  @Test func nothingElseOfTheRunChanges() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 3)
    func digest(_ out: String, _ more: String...) throws -> String? {
      let outcome = try Command.run(
        arguments: [
          "train", "wave.yaml", "--out", out, "--json", "--set", "train.ema=0.9", "--set",
          "model.dropout=0.2",
          "--set", "model.num_layers=2",
        ] + more, in: folder.url)
      return try outcome.json()["parameters_sha256"] as? String
    }
    #expect(try digest("plain") == digest("events", "--set", "train.tensorboard=true"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("plain"))
    #expect(!names.contains("tensorboard"))
    try expectEqual(read(folder.path("events/tensorboard")), folder.path("events"))
  }

  @Test(arguments: [1, 2])
  func killedAndResumedItHasEachStepOnce(_ ranks: Int) throws {
    if ranks > 1, mpirun == nil { return }
    let folder = try Folder()
    try folder.writeWave(epochs: 400)
    let train =
      ["train", "wave.yaml", "--out", folder.path("run"), "--resume", "auto"] + Self.settings
      + ["--set", "checkpoint={every_seconds: 0.05, keep_last: 2}", "--set", "train.tensorboard=true"]
    let arguments = ranks == 1 ? train : ["launch", "-n", "\(ranks)", "--"] + train
    for _ in 0..<6 {
      let running = try Command.Running(arguments, in: folder.url, environment: [:])
      usleep(UInt32.random(in: 200_000...900_000))
      kill(running.process.processIdentifier, SIGKILL)
      _ = running.outcome()
      // Of a launcher its ranks go with it, at their time.
      usleep(ranks == 1 ? 0 : 700_000)
    }
    let outcome = try Command.Running(arguments, in: folder.url, environment: [:]).outcome(within: 300)
    try #require(outcome.status == 0, "\(outcome.err)")
    let events = try read(folder.path("run/tensorboard"))
    try expectEqual(events, folder.path("run"))
    #expect(events.scalars["epoch/train_loss"]?.count == 400)
    for (tag, found) in events.histograms {
      let steps = found.map { $0[0] }
      #expect(steps == steps.sorted() && Set(steps).count == steps.count, "\(tag)")
      let all = Set((1...133).map { Double($0 * 15) })
      // No checkpoint has gradients: who goes on between the last step of an epoch and its end has none for it.
      let missing = tag.hasPrefix("gradients/") ? 6 : 0
      #expect(Set(steps).isSubset(of: all) && steps.count >= all.count - missing, "\(tag): \(steps.count)")
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("run/tensorboard"))
    #expect(files.count == 1, "\(files)")
  }

  @Test func whatIsLostComesBackFromTheLog() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 4)
    func train(_ epochs: Int, _ more: String...) throws -> Command.Outcome {
      try Command.run(
        arguments: [
          "train", "wave.yaml", "--out", "run", "--resume", "auto", "--set", "train.epochs=\(epochs)",
        ]
          + Self.settings + more, in: folder.url)
    }
    try #require(train(2).status == 0)
    // Asked for from here on, it has what was before.
    try #require(train(4, "--tensorboard", "events").status == 0)
    try expectEqual(read(folder.path("events")), folder.path("run"))
    for change in ["cut", "damaged", "gone"] {
      let name = try #require(
        try FileManager.default.contentsOfDirectory(atPath: folder.path("events")).first)
      var bytes = try Data(contentsOf: folder.url.appendingPathComponent("events/\(name)"))
      if change == "cut" { bytes = bytes.prefix(bytes.count / 2) } else { bytes[bytes.count / 3] ^= 1 }
      try bytes.write(to: folder.url.appendingPathComponent("events/\(name)"))
      if change == "gone" { try FileManager.default.removeItem(atPath: folder.path("events/\(name)")) }
      try #require(train(change == "gone" ? 6 : 4, "--tensorboard", "events").status == 0)
      try expectEqual(read(folder.path("events")), folder.path("run"))
    }
  }

  @Test func runsDoNotMix() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    func train(_ out: String, _ more: String...) throws -> Command.Outcome {
      try Command.run(
        arguments: ["train", "wave.yaml", "--out", out, "--tensorboard", "events"] + more, in: folder.url)
    }
    try #require(train("a").status == 0)
    let refused = try train("b")
    #expect(
      refused.status == 64 && refused.err.contains("events of another run") && !folder.holds("b"),
      "\(refused.err)")
    try #require(train("a", "--overwrite").status == 0)
    try expectEqual(read(folder.path("events")), folder.path("a"))
    try folder.write("events/events.out.tfevents.1.other", "x")
    #expect(try train("a", "--overwrite").status == 64)
    #expect(folder.holds("events/events.out.tfevents.1.other") && folder.holds("a/metrics.jsonl"))
    #expect(try train("c", "--seeds", "2").status == 64)
    try folder.write("file", "x")
    let file = try Command.run("train", "wave.yaml", "--out", "d", "--tensorboard", "file", in: folder.url)
    #expect(file.status == 74 && file.err.split(separator: "\n").count == 1, "\(file.status) \(file.err)")
  }
}
