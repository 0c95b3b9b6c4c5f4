import Foundation
import Recur
import TestSupport
import Testing

func sine(_ x: Float) -> Float { sin(x) }

/// What README and the library's articles show is what is compiled here, and does what they say.
@Suite("An example", .tags(.fast)) struct ExampleTests {
  static let articles = package.appendingPathComponent("Sources/Recur/Recur.docc")
  static let examples = package.appendingPathComponent("Tests/RecurTests/Examples")

  private static func files(_ folder: URL, _ type: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == type }.sorted { $0.path < $1.path }
  }

  /// What stands between two lines, each time.
  private static func parts(of file: URL, from start: String, to end: String) throws -> [String] {
    let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    var (parts, part): ([String], [String]?) = ([], nil)
    for line in lines {
      if line == end, let found = part {
        parts.append(found.joined(separator: "\n"))
        part = nil
      } else if line == start {
        part = []
      } else {
        part?.append(line)
      }
    }
    return parts
  }

  @Test func `is the one that compiles`() throws {
    var found = 0
    for page in try Self.files(Self.articles, "md") + [package.appendingPathComponent("README.md")] {
      let start = "// example begins: \(page.lastPathComponent)"
      let compiled = try Self.files(Self.examples, "swift").flatMap {
        try Self.parts(of: $0, from: start, to: "// example ends")
      }
      let shown = try Self.parts(of: page, from: "```swift", to: "```")
      #expect(Set(shown) == Set(compiled), "\(page.lastPathComponent)")
      found += shown.count
    }
    #expect(found >= 7)
  }

  /// As a program of another package sees the library.
  @Test(.enabled(if: find("swiftc") != nil, "swiftc is not in PATH"))
  func `needs nothing that this package keeps to itself`() throws {
    let products = URL(fileURLWithPath: built("recur")).deletingLastPathComponent().resolvingSymlinksInPath()
    let maps = try FileManager.default.contentsOfDirectory(
      at: products, includingPropertiesForKeys: nil
    ).map { $0.appendingPathComponent("module.modulemap") }
    let system = ["CZlib", "CYAML", "CCrypto"].map {
      package.appendingPathComponent("Sources/\($0)/module.modulemap")
    }
    let flags = (maps + system).filter { FileManager.default.fileExists(atPath: $0.path) }
      .flatMap { ["-Xcc", "-fmodule-map-file=\($0.path)"] }
    let helper = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).swift")
    defer { try? FileManager.default.removeItem(at: helper) }
    try "func sine(_ x: Float) -> Float { x }".write(to: helper, atomically: true, encoding: .utf8)
    let files = try Self.files(Self.examples, "swift").map(\.path)
    let modules = products.appendingPathComponent("Modules").path
    let outcome = try run(
      find("swiftc")!,
      ["-typecheck", "-package-name", "stranger", "-I", modules] + flags + files + [helper.path], limit: 300)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func `of a wave learns`() throws {
    let (first, last) = (try learnWave(steps: 1), try learnWave(steps: 300))
    #expect(first > 0.1 && last < 0.005)
  }

  @Test func `of a loss and an update of its own learns, and says the same from a file`() throws {
    let (model, loss) = try learnMeans()
    #expect(loss < 0.02)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let batch = try Batch(Tensor(repeating: 0.5, shape: [3, 10, 1]))
    let (before, after) = (try model.predict(batch), try sayAgain(model, batch, file: file))
    #expect(before == after && before.shape == [3, 1])
  }

  @Test func `of five calls takes a step`() throws {
    let model = try Model(Network(.rnn, inputs: 1, hidden: 4, head: [.linear(1)]), seed: 1)
    let learner = Learner(model, loss: .mae, optimizer: .sgd(learningRate: 0.1))
    let batch = try Batch([[1, 2], [3]], features: 1).targets([1, -1])
    let outcome = try stepInCalls(learner, batch, targets: [1, -1])
    #expect(outcome.result == .updated && outcome.weight == 2 && outcome.loss > 0)
  }

  @Test func `of a recipe trains and predicts`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let recipe = package.appendingPathComponent("launch/recipes/stock-lstm.yaml").path
    let report = try train(recipe, out: folder, overrides: ["train.epochs=2"])
    #expect(report.status == .completed)
    #expect(try predict(folder, samples: 5).shape == [5, 1])
    let (whole, fromFile) = (try CheckpointedModel(contentsOf: folder), try Model(loading: folder))
    #expect(fromFile.network == (try whole.model(for: whole.loadData().shape).network))
  }

  @Test func `of several processes adds up`() throws {
    #expect(try mean(of: [1, 2, 6], ProcessGroup()) == 3)
  }
}
