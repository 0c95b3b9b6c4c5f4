import Collective
import Dataset
import Diagnostics
import Foundation
import Recurrent
import Training

/// A run of a moment, whose checkpoint is what gets damaged.
struct SmallRun {
  let recipe: Recipe
  let data: LoadedData
  let file: CheckpointFile
  /// The state as it stands in the file, without what differs from machine to machine.
  let state: String
  private let folder: Scratch

  init(_ folder: Scratch) throws {
    self.folder = folder
    let rows = (0..<14).map { "\($0 % 5),\($0 * 7 % 5)" }.joined(separator: "\n")
    try folder.write("d.csv", Array("a,b\n\(rows)\n".utf8))
    recipe = try Recipe(
      yaml: """
        data: {format: csv, path: d.csv, features: [a], targets: [b], scale: minmax, window: 2, split: {train: 7, validation: 4}}
        model: {cell: gru, hidden_size: 2, head: [{linear: 1}]}
        loss: mse
        schedule: {name: plateau, warmup_steps: 3}
        early_stopping: {patience: 5}
        train: {epochs: 3, batch_size: 3}
        """, path: "r.yaml", baseDirectory: folder.path)
    data = try LoadedData(recipe.data)
    let trainer = try Trainer(recipe: recipe, data: data, options: Self.options(folder("run")))
    file = try CheckpointFile(reading: try Self.interrupted(trainer, after: 4).checkpoint)
    state = try Self.text(file, folder)
  }

  static func options(_ out: String) -> TrainingOptions {
    var options = TrainingOptions()
    (options.outputDirectory, options.overwrite, options.threads) = (out, true, 1)
    return options
  }

  private static func interrupted(_ trainer: Trainer, after steps: Int) throws -> TrainingReport {
    trainer.requestStop()
    return try trainer.run()
  }

  /// The metadata of the file, with run, time and folder made the same everywhere.
  private static func text(_ file: CheckpointFile, _ folder: Scratch) throws -> String {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file.path)))
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try bytes[8..<8 + length].withUnsafeBytes {
      try SafetensorsHeader(parsing: $0, payload: bytes.count - 8 - length)
    }
    let text = header[metadata: "recur"] ?? ""
    return text.replacingOccurrences(of: file.state.runID, with: "run")
      .replacingOccurrences(of: folder.path, with: "/folder")
      .replacingOccurrences(
        of: "\"elapsed_seconds\":\(file.state.elapsedSeconds)", with: "\"elapsed_seconds\":1"
      )
      .replacingOccurrences(of: "\"\(file.state.kernelFamily)\"", with: "\"portable\"")
  }

  /// A file with this state and right checksums, as if this program had written it.
  func signed(_ state: String) throws -> [UInt8] {
    var header = SafetensorsHeader()
    header.metadata = [("sha256", Checksums.blank), ("format", "pt"), ("recur", state)]
    for tensor in file.tensors {
      try header.add(tensor.name, tensor.shape)
      header.metadata.append(("sha256.\(tensor.name)", tensor.withValues(parametersSHA256)))
    }
    var bytes = try header.encoded()
    Checksums.sign(&bytes)
    for tensor in file.tensors { tensor.withValues { bytes += UnsafeRawBufferPointer($0) } }
    return bytes
  }

  static let words = [
    "\"step\":", "\"epoch\":", "\"position\":", "\"extra\":", "\"sums\":", "\"counters\":", "\"schedule\":",
    "\"optimizer\":",
    "\"monitored\":", "\"early_stopping\":", "\"scaler\":", "\"epoch_losses\":", "\"metrics_bytes\":", "null",
    "true",
    "{}", "[]", "[", "]", "{", "}", "\\u0000", "\\ud834", "\\", "1e400", "\"nan\"", "\"inf\"", "\"-inf\"",
    "F32", "F16",
    "\"shape\":", "\"dtype\":", "\"data_offsets\":", "__metadata__", "\"best\":", "\"rate\":", "\"wait\":",
    "\"t\":",
  ]
}

/// Whole files; half of them are signed again, so that the rules after the checksums are reached.
struct SafetensorsFuzz: FuzzedReader {
  static let name = "safetensors"
  private let scratch: Scratch
  private let run: SmallRun

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    run = try SmallRun(scratch)
  }

  var seeds: [[UInt8]] {
    let short =
      "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
    let length = withUnsafeBytes(of: UInt64(short.utf8.count).littleEndian) { Array($0) }
    return [(try? run.signed(run.state)) ?? [], length + Array(short.utf8) + [0, 0, 128, 63]]
  }
  var words: [String] { SmallRun.words }

  private static let prefix = Array("{\"__metadata__\":{\"sha256\":\"".utf8)

  func read(_ bytes: [UInt8]) throws -> Int {
    var bytes = bytes
    let length = bytes.count < 8 ? 0 : bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    let end = 8 + Int(min(length, UInt64(max(0, bytes.count - 8))))
    if end > 8 {
      let header = bytes[8..<end].withUnsafeBytes { bytes in
        Result { try SafetensorsHeader(parsing: bytes, payload: 4) }
      }
      if let header = try? header.get() {
        try require(header.payload == 4, "the tensors don't fill the payload")
      }
    }
    if choice(bytes, of: 2) == 0, end > 8 + Self.prefix.count + 64, bytes[8...].starts(with: Self.prefix) {
      var head = Array(bytes[..<end])
      Checksums.sign(&head)
      bytes.replaceSubrange(..<end, with: head)
    }
    let file = try CheckpointFile(reading: try scratch.write("c.safetensors", bytes))
    for tensor in file.tensors {
      try require(tensor.values.allSatisfy(\.isFinite), "a value is not finite")
      try require(tensor.values.count == tensor.shape.reduce(1, *), "a tensor's values don't fill its shape")
    }
    return file.tensors.count
  }
}

/// The JSON state of a checkpoint whose checksums are right, as `evaluate` and `predict` use it.
struct StateFuzz: FuzzedReader {
  static let name = "state"
  private let scratch: Scratch
  private let run: SmallRun

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    run = try SmallRun(scratch)
  }

  var seeds: [[UInt8]] { [Array(run.state.utf8)] }
  var words: [String] {
    SmallRun.words + ["hidden_size: ", "num_layers: ", "cell: ", "lstm", "head: ", "\\n"]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    let text = String(decoding: bytes, as: UTF8.self)
    let path = try scratch.write("c.safetensors", try run.signed(text))
    let checkpoint = try CheckpointedModel(contentsOf: path, overrides: ["data.path=\(scratch("d.csv"))"])
    let data = try checkpoint.loadData()
    let model = try checkpoint.model(for: data.shape)
    return model.parameters.count
  }
}

/// The same state, as `--resume` uses it: a step is made and saved.
struct ResumeFuzz: FuzzedReader {
  static let name = "resume"
  /// Checkpoints are written by threads, whose stacks have 8 MiB.
  static let memory = 128 << 20
  private let scratch: Scratch
  private let run: SmallRun

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    run = try SmallRun(scratch)
  }

  var seeds: [[UInt8]] { [Array(run.state.utf8)] }
  var words: [String] { SmallRun.words }

  func read(_ bytes: [UInt8]) throws -> Int {
    let path = try scratch.write("c.safetensors", try run.signed(String(decoding: bytes, as: UTF8.self)))
    var options = SmallRun.options(scratch("resumed"))
    options.resume = .file(path)
    let trainer = try Trainer(recipe: run.recipe, data: run.data, options: options)
    if choice(bytes, of: 2) == 0 { trainer.requestStop() }
    let report = try trainer.run()
    return report.epochs
  }
}
