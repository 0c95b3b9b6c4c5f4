import Foundation
import TestSupport
import Testing

/// One line, the place, the exit code: what a person sees where data or recipe can't be used.
@Suite(.tags(.mpi)) struct BadInputTests {
  private func fails(
    _ folder: Folder, _ settings: [String] = [], status: Int32 = 65, naming words: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let flags = settings.flatMap { ["--set", $0] }
    let outcome = try Command.Running(
      ["train", "wave.yaml", "--out", "run"] + flags, in: folder.url, environment: [:]
    ).outcome()
    #expect(outcome.status == status, "\(outcome.err)", sourceLocation: location)
    #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)", sourceLocation: location)
    #expect(outcome.err.hasPrefix("recur: "), "\(outcome.err)", sourceLocation: location)
    for word in words { #expect(outcome.err.contains(word), "\(outcome.err)", sourceLocation: location) }
    #expect(!folder.holds("run"), "a run was begun", sourceLocation: location)
  }

  @Test(arguments: [
    ("model.hiden_size=8", "hidden_size"), ("model.hidden_size=-1", "model.hidden_size"),
    ("data.features=[a, c]", "c"), ("data.window=500", "data.window"),
    ("train.batch_size=0", "train.batch_size"),
    ("optimizer.lr=fast", "optimizer.lr"), ("model.head=[{linear: 2}]", "model.head"),
    ("data.split.train=4000", "data.split"), ("loss=cross_entropy", "cross_entropy"),
    ("model.hidden_size=99999999999999999999", "model.hidden_size"),
  ])
  func badKeysAreNamed(_ setting: String, _ word: String) throws {
    let folder = try Folder()
    try folder.writeWave()
    try fails(folder, [setting], naming: word)
  }

  @Test func badRecipesNameFileAndLine() throws {
    let folder = try Folder()
    try folder.writeWave()
    let recipe = try folder.read("wave.yaml")
    try folder.write("wave.yaml", recipe.replacingOccurrences(of: "cell: gru", with: "cell: gur"))
    try fails(folder, naming: "wave.yaml", "13", "gru")
    try folder.write("wave.yaml", recipe + "\n  bad: [")
    try fails(folder, naming: "wave.yaml")
    try folder.write("wave.yaml", "")
    try fails(folder, naming: "wave.yaml")
  }

  @Test(arguments: [("oops", "4"), ("nan", "4"), ("", "4"), ("1e999", "4")])
  func badFieldsNameLineAndColumn(_ field: String, _ line: String) throws {
    let folder = try Folder()
    try folder.writeWave()
    var rows = try folder.read("wave.csv").components(separatedBy: "\n")
    rows[3] = "0.1,\(field),100"
    try folder.write("wave.csv", rows.joined(separator: "\n"))
    try fails(folder, naming: "wave.csv", line)
  }

  @Test func raggedRowsAndEmptyFilesAreRefused() throws {
    let folder = try Folder()
    try folder.writeWave()
    var rows = try folder.read("wave.csv").components(separatedBy: "\n")
    rows[5] = "0.1,0.2"
    try folder.write("wave.csv", rows.joined(separator: "\n"))
    try fails(folder, naming: "wave.csv", "6")
    try folder.write("wave.csv", "")
    try fails(folder, naming: "wave.csv")
  }

  @Test func missingDataIs66() throws {
    let folder = try Folder()
    try folder.writeWave()
    try fails(folder, ["data.path=other.csv"], status: 66, naming: "other.csv")
  }

  @Test func anUnwritableOutputFolderIs74() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run("train", "wave.yaml", "--out", "/proc/run", in: folder.url)
    #expect(outcome.status == 74, "\(outcome.err)")
    #expect(outcome.err.contains("/proc/run"))
  }

  @Test func aTruncatedCheckpointIsNamed() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", "--json", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let path = try #require(try outcome.json()["checkpoint"] as? String)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in [0, 7, 100, bytes.count - 1] {
      try bytes.prefix(length).write(to: folder.url.appendingPathComponent("cut.safetensors"))
      let result = try Command.run("evaluate", "cut.safetensors", in: folder.url)
      #expect(result.status == 65, "\(length) bytes: \(result.err)")
      #expect(result.err.contains("cut.safetensors"))
      #expect(result.err.split(separator: "\n").count == 1)
    }
  }
}
