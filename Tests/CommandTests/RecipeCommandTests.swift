import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct RecipeCommandTests {
  private static let stock = "launch/recipes/stock-lstm.yaml"

  @Test(
    arguments: [
      ([], 0, "samples: 200 training, 0 validation, 3,065 test"), (["--no-data"], 0, "csv; not read"),
      (["--no-data"], 0, "1,065 parameters"),
      (
        ["--no-data", "--set", "data.targets=null", "--set", "data.label=Close"], 0,
        "not compared with the data"
      ),
      (["--set", "model.cell=lsmt"], 65, "--set model.cell=lsmt: model.cell must be one of"),
      (["--set", "train.bach_size=1"], 65, "unknown key train.bach_size; did you mean batch_size?"),
      (["--set", "data.path=missing.csv"], 66, "missing.csv: No such file or directory"),
      (["--set", "data.path=missing.csv"], 66, "--no-data checks the recipe without them"),
      (["--set", "data.path=missing.csv", "--no-data"], 0, "is right"),
      (["--set", "data.features=[Opne]"], 65, "Opne"),
      (["--set", "data.features=[Opne]", "--no-data"], 0, "is right"),
      (["--no-data", "--set", "model.head=[{linear: 2}]"], 65, "the network has 2 outputs"),
      (["--set", "train"], 64, "expected KEY=VALUE"),
    ] as [([String], Int32, String)])
  func aRecipeIsChecked(_ arguments: [String], _ status: Int32, _ words: String) throws {
    let outcome = try Command.run(arguments: ["recipe", "check", Self.stock] + arguments)
    #expect(outcome.status == status, "\(outcome.err)")
    let shown = status == 0 ? outcome.out : outcome.err
    #expect(shown.contains(words), "\(shown)")
    #expect(outcome.err.split(separator: "\n").count == (status == 0 ? 0 : 1), "\(outcome.err)")
  }

  @Test func whatWasCheckedIsTold() throws {
    let (whole, alone) = try (check(), check("--no-data"))
    #expect(whole["checked"] as? [String] == ["keys", "data", "network", "memory"])
    #expect(whole["parameters"] as? Int == 1_065)
    #expect((whole["samples"] as? [String: Int]) == ["train": 200, "validation": 0, "test": 3_065])
    #expect(alone["checked"] as? [String] == ["keys", "network"])
    #expect(alone["samples"] == nil)
    let classes = try check("--no-data", "--set", "data.targets=null", "--set", "data.label=Close")
    #expect(classes["checked"] as? [String] == ["keys"])
  }

  private func check(_ arguments: String...) throws -> [String: Any] {
    try Command.run(arguments: ["recipe", "check", Self.stock, "--json"] + arguments).json()
  }

  /// What train refuses before its first step, check refuses with the same words; what it takes, it takes.
  @Test(arguments: [
    "early_stopping={metric: validation.loss}", "checkpoint.metric=validation.perplexity",
    "schedule={name: plateau}", "data.split={test: rest}", "loss=cross_entropy", "model.readout=every_step",
    "model.head=[{linear: 2}]", "model.hidden_size=[8, 8, 8]", "data.window=100000", "train.batch_size=1",
  ])
  func checkAndTrainAgree(_ setting: String) throws {
    let folder = try Folder()
    let run = folder.url.appendingPathComponent("run").path
    let settings = ["--set", "train.epochs=1", "--set", setting]
    let checked = try Command.run(arguments: ["recipe", "check", Self.stock] + settings)
    let trained = try Command.run(arguments: ["train", Self.stock, "--out", run] + settings)
    #expect(checked.status == trained.status, "\(checked.err)\(trained.err)")
    if trained.status != 0 { #expect(checked.err == trained.err) }
  }

  @Test func anEmptyStandardInputIsNoRecipe() throws {
    let outcome = try Command.run("recipe", "check", "-")
    #expect(outcome.status == 65)
    #expect(
      outcome.err == "recur: standard input:1:1: a recipe must be a map of keys and values, not null\n")
  }

  @Test func checkingWritesNothing() throws {
    let folder = try Folder()
    let path = Command.repository.appendingPathComponent(Self.stock).path
    let outcome = try Command.Running(["recipe", "check", path], in: folder.url, environment: [:]).outcome()
    #expect(outcome.status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }

  @Test func aRecipeThatIsNotThereEndsWith66() throws {
    let outcome = try Command.run("recipe", "check", "missing.yaml")
    #expect(outcome.status == 66)
    #expect(outcome.err.contains("missing.yaml"))
  }

  @Test func itsKeysAreExplained() throws {
    let key = try Command.run("recipe", "keys", "train.ema")
    #expect(key.status == 0)
    #expect(key.out.contains("number, at least 0 and below 1"))
    let all = try Command.run("recipe", "keys", "--json").json()
    let paths = try #require(all["keys"] as? [[String: Any]]).compactMap { $0["path"] as? String }
    #expect(paths.contains("train.ema") && paths.contains("model.init.forget_bias"))
    let unknown = try Command.run("recipe", "keys", "train.emma")
    #expect(unknown.status == 64)
    #expect(unknown.err.contains("did you mean train.ema?"))
  }

  @Test func theReferenceAndTheSchemaArePrinted() throws {
    let page = try Command.run("recipe", "keys", "--markdown")
    let file = Command.repository.appendingPathComponent("Sources/Recipes/KEYS.md")
    #expect(page.status == 0)
    #expect(try page.out == String(contentsOf: file, encoding: .utf8))
    let schema = try Command.run("recipe", "schema")
    #expect(schema.status == 0)
    #expect(schema.out.hasPrefix("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\","))
    #expect(try Command.run("recipe", "schema", "--json").json()["properties"] != nil)
    #expect(try Command.run("recipe", "keys", "--markdown", "train.ema").status == 64)
  }

  /// As the script asks that `recur --generate-completion-script` makes.
  @Test(
    arguments: [
      (["train"], "--set", ["--set", "train.em"], ["train.ema="]),
      (["evaluate"], "--set", ["--set", "model.cell=l"], ["model.cell=lstm"]),
      (["recipe", "keys"], "positional@0", ["train.em"], ["train.ema"]),
    ] as [([String], String, [String], [String])])
  func settingsAndKeysAreCompleted(
    _ command: [String], _ argument: String, _ words: [String], _ candidates: [String]
  ) throws {
    let line = ["recur"] + command + words
    let place = ["\(line.count - 1)", "\(words.last!.utf8.count)"]
    let outcome = try Command.Running(
      ["---completion"] + command + ["--", argument] + place + line, in: Command.repository,
      environment: ["SAP_SHELL": "bash", "SAP_SHELL_VERSION": "5.2.0"]
    ).outcome()
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.split(separator: "\n").map(String.init) == candidates)
  }

  @Test(arguments: [
    (["trian", "x.yaml"], "recur has no command trian; did you mean recur train?"),
    (["recipe", "chek"], "recur recipe has no command chek; did you mean recur recipe check?"),
    (["recipe", "zzzzzz"], "recur recipe has no command zzzzzz; it has keys, schema, check"),
    (["tr\nian"], "recur has no command tr\\nian; did you mean recur train?"),
  ])
  func anUnknownCommandNamesTheNearest(_ arguments: [String], _ words: String) throws {
    let outcome = try Command.run(arguments: arguments)
    #expect(outcome.status == 64)
    #expect(outcome.err == "recur: \(words)\n")
  }

  /// For programs too.
  @Test func anUnknownCommandIsReported() throws {
    let outcome = try Command.run("trian", "--json")
    #expect(outcome.status == 64)
    #expect(try outcome.json()["error"] as? String == "recur has no command trian; did you mean recur train?")
  }
}
