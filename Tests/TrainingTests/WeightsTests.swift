import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// `train.init_from`: what a run begins with, and what is refused.
@Suite(.tags(.fast)) struct WeightsTests {
  private static let still = "optimizer={name: sgd, lr: 0}"

  /// The parameters that a run begins with: one that learns nothing.
  private func start(
    _ run: TemporaryRun, _ overrides: [String], ranks: Int = 1, out: String = UUID().uuidString
  )
    throws -> (TrainingReport, [Float])
  {
    var recipe = try run.recipe("train.epochs=1", Self.still)
    recipe = try Recipe(
      yaml: recipe.effectiveYAML, path: "series.yaml", baseDirectory: run.path, overrides: overrides)
    let report = try run.train(recipe, ranks: ranks, out: out)
    return (report, try TemporaryRun.parameters(report))
  }

  private func refusal(_ run: TemporaryRun, _ overrides: [String]) -> Failure? {
    do {
      _ = try start(run, overrides, out: "refused")
      return nil
    } catch {
      return error as? Failure
    }
  }

  @Test(arguments: [1, 3], ["fast", "strict"])
  func `a file of another program is where the run begins, under the names that are given`(
    ranks: Int, reduction: String
  ) throws {
    let run = try TemporaryRun()
    let file = WeightFile.sample(prefix: "encoder.", head: "out.")
    try file.write(run.path + "/net.safetensors")
    let (report, values) = try start(
      run,
      [
        "train.init_from=\(run.path)/net.safetensors", "train.init_map=[encoder.=rnn., out.=fc.]",
        "train.ema=0.9", "distributed.reduction=\(reduction)",
      ], ranks: ranks)
    #expect(values == file.parameters)
    #expect(report.steps > 0 && report.initFrom?.missing == [] && report.initFrom?.unused == [])
    #expect(report.initFrom?.path == run.path + "/net.safetensors" && report.initFrom?.taken.count == 6)
    let averages = try CheckpointFile(reading: report.checkpoint).tensors.filter {
      $0.name.hasPrefix("average.")
    }
    #expect(averages.flatMap(\.values) == file.parameters)
  }

  /// Lengths of headers whose bytes are those that a pickle begins with.
  @Test(arguments: [640, 896, 1152, 1408])
  func `no length of a header makes a pickle of it`(length: Int) throws {
    let run = try TemporaryRun()
    let file = WeightFile.sample(prefix: "rnn.")
    let bytes = file.bytes { $0.padding(toLength: length, withPad: " ", startingAt: 0) }
    #expect(bytes[0] == UInt8(length % 256) && bytes[1] == UInt8(length / 256))
    try Data(bytes).write(to: URL(fileURLWithPath: run.path + "/net.safetensors"))
    #expect(try start(run, ["train.init_from=\(run.path)/net.safetensors"]).1 == file.parameters)
  }

  @Test func `a bare module's tensors are the recurrent part's, and the head starts anew`() throws {
    let run = try TemporaryRun()
    var file = WeightFile.sample(prefix: "")
    file.tensors.removeFirst(2)
    file.add("step", [1], [3])
    try file.write(run.path + "/bare.safetensors")
    let named = "train.init_from=\(run.path)/bare.safetensors"
    let (report, values) = try start(run, [named, "train.allow_missing=fc.*"])
    let (_, seeded) = try start(run, [])
    let whole = WeightFile.sample().parameters
    #expect(values == Array(whole.dropLast(6)) + seeded.suffix(6))
    #expect(report.initFrom?.missing == ["fc.weight", "fc.bias"] && report.initFrom?.unused == ["step"])
    let failure = try #require(refusal(run, [named]))
    #expect(failure.kind == .badData && failure.message.contains("there is no tensor fc.weight, fc.bias"))
    #expect(failure.message.contains("--allow-missing 'fc.*'"))
  }

  @Test func `other types are converted, and said`() throws {
    let run = try TemporaryRun()
    var file = WeightFile.sample(prefix: "rnn.")
    let exact = file.parameters
    // Values that each type holds exactly.
    for (place, type) in ["F64", "BF16", "F16", "F64", "F16", "BF16"].enumerated() {
      let (name, _, shape, bytes) = file.tensors[place]
      let values = (0..<bytes.count / 4).map { Float($0 % 7 - 3) / 8 }
      var other = WeightFile()
      switch type {
      case "F64": other.add(name, type, shape, values.map { Double($0).bitPattern })
      case "BF16": other.add(name, type, shape, values.map { UInt16($0.bitPattern >> 16) })
      default: other.add(name, type, shape, values.map(half))
      }
      file.tensors[place] = other.tensors[0]
    }
    try file.write(run.path + "/net.safetensors")
    let (report, values) = try start(run, ["train.init_from=\(run.path)/net.safetensors"])
    var expected: [Float] = []
    for count in [40, 100, 20, 20, 5, 1] { expected += (0..<count).map { Float($0 % 7 - 3) / 8 } }
    #expect(values == expected && values != exact)
    #expect(Set(report.initFrom?.converted ?? []) == ["float16", "bfloat16", "float64"])
  }

  /// The bits of float16, of multiples of 1/8 below 1.
  private func half(_ value: Float) -> UInt16 {
    if value == 0 { return 0 }
    let sign: UInt16 = value < 0 ? 0x8000 : 0
    return sign | UInt16((value.exponent + 15) << 10) | UInt16((abs(value).significand - 1) * 1024)
  }

  @Test func `a folder, an index of parts, a run and a checkpoint are taken as well`() throws {
    let run = try TemporaryRun()
    let file = WeightFile.sample(prefix: "rnn.")
    let folder = run.path + "/folder"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try file.write(folder + "/model.safetensors")
    #expect(try start(run, ["train.init_from=\(folder)"]).1 == file.parameters)
    var (first, second) = (WeightFile(), WeightFile())
    (first.tensors, second.tensors) = (Array(file.tensors[..<2]), Array(file.tensors[2...]))
    try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
    try first.write(folder + "/a.safetensors")
    try second.write(folder + "/b.safetensors")
    let places = (first.tensors.map { ($0.name, "a") } + second.tensors.map { ($0.name, "b") }).map {
      "\"\($0)\":\"\($1).safetensors\""
    }
    let index = "{\"metadata\":{\"total_size\":1},\"weight_map\":{\(places.joined(separator: ","))}}"
    let path = folder + "/model.safetensors.index.json"
    try index.write(toFile: path, atomically: true, encoding: .utf8)
    for name in [folder, path] { #expect(try start(run, ["train.init_from=\(name)"]).1 == file.parameters) }
    let (report, _) = try start(run, ["train.init_from=\(path)"], out: "run")
    for name in [report.runDirectory, report.checkpoint] {
      let (again, values) = try start(run, ["train.init_from=\(name)"])
      #expect(values == file.parameters && again.initFrom?.path == report.checkpoint)
    }
    for wrong in ["../a.safetensors", "..", "", "x/y.safetensors", String(repeating: "x", count: 256)] {
      try "{\"weight_map\":{\"rnn.x\":\"\(wrong)\"}}".write(toFile: path, atomically: true, encoding: .utf8)
      let failure = try #require(refusal(run, ["train.init_from=\(folder)"]))
      #expect(failure.kind == .badData && failure.message.contains("no name of a file beside the index"))
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(refusal(run, ["train.init_from=\(folder)"])?.kind == .missingInput)
    #expect(refusal(run, ["train.init_from=\(folder)/absent"])?.kind == .missingInput)
  }

  @Test func `a resumed run does not read it again, and is the same run`() throws {
    let run = try TemporaryRun()
    let path = run.path + "/net.safetensors"
    try WeightFile.sample(prefix: "rnn.").write(path)
    let named = try run.recipe("train.init_from=\(path)")
    let whole = try run.train(named, out: "whole")
    var report = try run.train(named, out: "cut", stopAt: 3)
    #expect(report.status == .interrupted)
    try FileManager.default.removeItem(atPath: path)
    // It may be named again or not; the run's recipe keeps it.
    report = try run.train(named, out: "cut", resume: .auto, stopAt: 9)
    #expect(report.status == .interrupted)
    report = try run.train(run.recipe(), out: "cut", resume: .auto)
    #expect(report.parametersSHA256 == whole.parametersSHA256 && report.initFrom == whole.initFrom)
    let recipe = try Recipe(contentsOf: run.path + "/cut/recipe.yaml")
    #expect(recipe.train.initFrom == path)
    let other = try run.recipe("train.init_from=\(run.path)/other", "train.epochs=9")
    #expect {
      try run.train(other, out: "cut", resume: .auto)
    } throws: {
      "\($0)".contains("train.init_from is \(run.path)/other, and the run began from \(path)")
    }
    let faster = try run.recipe("optimizer.lr=0.5", "train.epochs=9")
    #expect {
      try run.train(faster, out: "cut", resume: .auto)
    } throws: {
      "\($0)".contains("--init-from \(report.checkpoint) with another --out")
    }
  }
}
