import Foundation
import TestSupport
import Testing

/// An exported file stands for its checkpoint, here and in other programs.
@Suite(.tags(.mpi)) struct ExportTests {
  private static let recipe = """
    name: wave
    seed: 3
    data:
      {format: csv, path: wave.csv, features: [a, b], targets: [y], scale: standard, window: 4, horizon: 1,
       split: {train: 30, validation: 10, test: rest}}
    model: {cell: lstm, hidden_size: 6, num_layers: 2, bidirectional: true, head: [{linear: 4}, tanh, {linear: 1}]}
    loss: mse
    train: {epochs: 3, batch_size: 8, ema: 0.5}
    """

  private func trained() throws -> Folder {
    let folder = try Folder()
    let rows = (0..<60).map { i in
      "\(sin(0.3 * Double(i))),\(20 * cos(0.2 * Double(i))),\(5 + 3 * sin(0.3 * Double(i + 1)))"
    }
    try folder.write("wave.csv", (["a,b,y"] + rows).joined(separator: "\n") + "\n")
    try folder.write("wave.yaml", Self.recipe)
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func export(_ folder: Folder, _ name: String = "m.safetensors", of run: String = "run") throws {
    let option = name.hasSuffix(".npz") ? "--npz" : "--safetensors"
    let outcome = try Command.run("export", run, option, name, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  @Test func `commands take it as they take the checkpoint`() throws {
    let folder = try trained()
    try export(folder)
    for command in ["evaluate", "predict", "forecast"] {
      let output = command == "evaluate" ? [] : ["--output", "-"]
      let (run, file) = (
        try Command.run(arguments: [command, "run"] + output, in: folder.url),
        try Command.run(arguments: [command, "m.safetensors"] + output, in: folder.url)
      )
      #expect(run.status == 0 && file.status == 0, "\(command): \(run.err)\(file.err)")
      // Which file it was, and its checksum, differ.
      func numbers(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter {
          !$0.contains("safetensors") && !$0.contains("sha256") && !$0.contains("the run's best")
        }
      }
      #expect(numbers(run.out) == numbers(file.out) && !numbers(run.out).isEmpty, "\(command)")
    }
    let inspected = try Command.run("inspect", "m.safetensors", "--json", in: folder.url)
    let checkpoint = try #require(try inspected.json()["checkpoint"] as? [String: Any])
    #expect(checkpoint["is_exported"] as? Bool == true)
  }

  /// The same file as another program writes it again: the metadata in any order.
  private func rewritten(_ folder: Folder, _ name: String, startsWithChecksum: Bool) throws {
    let bytes = [UInt8](try Data(contentsOf: folder.url.appendingPathComponent("m.safetensors")))
    let size = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    var tensors = try #require(
      try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + size])) as? [String: Any])
    let metadata = try #require(tensors.removeValue(forKey: "__metadata__") as? [String: String])
    var keys = metadata.keys.shuffled()
    if startsWithChecksum { keys = ["sha256"] + keys.filter { $0 != "sha256" } }
    func text(_ value: Any) throws -> String {
      String(
        decoding: try JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed]),
        as: UTF8.self)
    }
    let fields = try keys.map { "\(try text($0)):\(try text(metadata[$0]!))" }.joined(separator: ",")
    let rest = try text(tensors).dropFirst()
    let header = Array("{\"__metadata__\":{\(fields)},\(rest)".utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try Data(length + header + bytes[(8 + size)...]).write(to: folder.url.appendingPathComponent(name))
  }

  @Test func `what another program wrote again are weights, in whatever order`() throws {
    let folder = try trained()
    try export(folder)
    for order in 0..<8 {
      try rewritten(folder, "again.safetensors", startsWithChecksum: order % 2 == 0)
      let inspected = try Command.run("inspect", "again.safetensors", in: folder.url)
      #expect(
        inspected.status == 65 && inspected.err.contains("another program wrote it again")
          && inspected.err.contains("--init-from") && inspected.err.split(separator: "\n").count == 1,
        "\(inspected.err)")
      guard order < 4 else { continue }
      let begun = try Command.run(
        "train", "wave.yaml", "--out", "again\(order)", "--init-from", "again.safetensors", in: folder.url)
      #expect(begun.status == 0, "\(begun.err)")
    }
    // Damage is no other order.
    var bytes = try Data(contentsOf: folder.url.appendingPathComponent("m.safetensors"))
    bytes[200] ^= 1
    try bytes.write(to: folder.url.appendingPathComponent("damaged.safetensors"))
    for words in [
      ["inspect", "damaged.safetensors"],
      ["train", "wave.yaml", "--out", "d", "--init-from", "damaged.safetensors"],
    ] {
      let outcome = try Command.run(arguments: words, in: folder.url)
      #expect(outcome.status == 65 && outcome.err.contains("the file is damaged"), "\(outcome.err)")
    }
  }

  @Test func `other files are called what they are`() throws {
    let folder = try trained()
    try export(folder)
    try export(folder, "m.npz")
    let begin = ["train", "wave.yaml", "--out", "again", "--init-from"]
    for (words, code, message) in [
      (["inspect", "m.npz"], Int32(65), "it is a ZIP archive, as .npz and .pt files are, and no checkpoint"),
      (["forecast", "m.npz"], 65, "it is a ZIP archive"),
      (begin + ["wave.csv"], 65, "it is a text that begins with 'a,b,y"),
      (begin + ["wave.yaml"], 65, "and no safetensors file"),
      (
        begin + ["m.safetensors", "--init-map", "rnn.=lstm."], 65,
        "train.init_map renames tensor rnn.weight_ih_l0 to lstm.weight_ih_l0"
      ),
      (
        ["plot", "m.safetensors", "--output", "p.svg"], 64, "is a file, and recur plot draws the log of a run"
      ),
    ] {
      let outcome = try Command.run(arguments: words, in: folder.url)
      #expect(
        outcome.status == code && outcome.err.contains(message)
          && outcome.err.split(separator: "\n").count == 1, "\(words): \(outcome.status) \(outcome.err)")
    }
  }

  @Test func `a run begins with it, and none goes on with it`() throws {
    let folder = try trained()
    try export(folder)
    let still = [
      "--set", "optimizer={name: sgd, lr: 0}", "--set", "train.ema=null", "--set", "train.epochs=1",
    ]
    let begun = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "next", "--init-from", "m.safetensors", "--json"] + still,
      in: folder.url)
    #expect(begun.status == 0, "\(begun.err)")
    let start = try #require(try begun.json()["init_from"] as? [String: Any])
    #expect((start["taken"] as? [String])?.count == 20 && (start["missing"] as? [String])?.isEmpty == true)
    try export(folder, "again.safetensors", of: "next")
    #expect(try payload(folder, "again.safetensors") == payload(folder, "m.safetensors"))
    let checked = try Command.run(
      "recipe", "check", "wave.yaml", "--set", "train.init_from=m.safetensors", "--json", in: folder.url)
    #expect(checked.status == 0, "\(checked.err)")
    #expect(try (checked.json()["checked"] as? [String])?.last == "weights")
    #expect(checked.err.contains("weights   20 of 20 tensors from"), "\(checked.err)")
    let resumed = try Command.run(
      "train", "wave.yaml", "--out", "third", "--resume", "m.safetensors", in: folder.url)
    #expect(resumed.status == 65 && resumed.err.contains("--init-from"), "\(resumed.err)")
    var bytes = try Data(contentsOf: folder.url.appendingPathComponent("m.safetensors"))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: folder.url.appendingPathComponent("m.safetensors"))
    let spoilt = try Command.run("predict", "m.safetensors", in: folder.url)
    #expect(spoilt.status == 65 && spoilt.err.contains("does not match its checksum"))
  }

  private func payload(_ folder: Folder, _ name: String) throws -> Data {
    let bytes = try Data(contentsOf: folder.url.appendingPathComponent(name))
    return Data(bytes.dropFirst(8 + bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }))
  }

  /// Python with torch, safetensors and PyYAML: from the environment, or a virtual environment beside the repository.
  private static let python: String? = {
    let beside = Command.repository.path + "/../venv/bin/python"
    return [ProcessInfo.processInfo.environment["RECUR_PYTHON"], beside, "/usr/bin/python3"].compactMap { $0 }
      .first { run($0, "import torch, safetensors.torch, yaml").status == 0 }
  }()

  private static func run(_ python: String, _ program: String, _ words: [String] = []) -> (
    status: Int32, text: String
  ) {
    guard FileManager.default.isExecutableFile(atPath: python) else { return (-1, "") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", program] + words
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    guard (try? process.run()) != nil else { return (-1, "") }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(
    .enabled(if: python != nil, "needs Python with torch, safetensors and PyYAML; name it in RECUR_PYTHON"))
  func `PyTorch predicts what recur does, and its state_dict comes back bit for bit`() throws {
    let folder = try trained()
    try export(folder)
    try export(folder, "m.npz")
    let predicted = try Command.run(
      "predict", "run", "--split", "test", "--output", "p.npy", in: folder.url)
    #expect(predicted.status == 0, "\(predicted.err)")
    let (status, text) = Self.run(
      Self.python!,
      """
      import csv, json, sys
      sys.path.insert(0, sys.argv[1])
      import numpy, torch, yaml
      from safetensors.torch import save_file
      from load import load
      folder = sys.argv[2] + "/"
      model = load(folder + "m.safetensors")
      rows = [[float(row["a"]), float(row["b"])] for row in csv.DictReader(open(folder + "wave.csv"))]
      windows = numpy.array([rows[i:i + 4] for i in range(len(rows) - 4)])
      found, expected = model.predict(windows).numpy(), numpy.load(folder + "p.npy")
      found = found[len(found) - len(expected):]
      assert len(expected) > 10 and numpy.abs(found - expected).max() < 1e-5 * numpy.abs(expected).max(), (found, expected)
      arrays = numpy.load(folder + "m.npz")
      for name, value in model.state_dict().items():
        assert numpy.array_equal(arrays[name], value.numpy()), name
      assert yaml.safe_load(str(arrays["metadata.recipe"])) == model.recipe
      assert json.loads(str(arrays["metadata.scaler"])) == model.scaler and len(model.scaler["formula"]) == 2
      assert len(arrays.files) == len(model.state_dict()) + 3, arrays.files
      save_file({"module." + name: value for name, value in model.state_dict().items()}, folder + "torch.safetensors")
      torch.save(model.state_dict(), folder + "torch.pt")
      print("good")
      """, [Command.repository.path + "/launch/python", folder.url.path])
    #expect(status == 0 && text.hasSuffix("good\n"), "\(text)")
    let still = [
      "--set", "optimizer={name: sgd, lr: 0}", "--set", "train.ema=null", "--set", "train.epochs=1",
    ]
    let begun = try Command.run(
      arguments: [
        "train", "wave.yaml", "--out", "next", "--init-from", "torch.safetensors", "--init-map", "module.=",
      ] + still, in: folder.url)
    #expect(begun.status == 0, "\(begun.err)")
    try export(folder, "again.safetensors", of: "next")
    #expect(try payload(folder, "again.safetensors") == payload(folder, "m.safetensors"))
    let pickled = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "none", "--init-from", "torch.pt"], in: folder.url)
    #expect(pickled.status == 65 && pickled.err.contains("it is pickled (torch.save)"), "\(pickled.err)")
  }
}
