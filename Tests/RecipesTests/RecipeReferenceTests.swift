import Diagnostics
import Foundation
import Recipes
import TestSupport
import Testing

/// What is made of the keys' declarations besides reading and writing.
@Suite struct RecipeReferenceTests {
  @Test func `the page of all keys is what the declarations say`() throws {
    let page = recipeFolder.appendingPathComponent("../../Sources/Recipes/KEYS.md")
    #expect(
      try String(contentsOf: page, encoding: .utf8) == RecipeReference.markdown,
      "make it anew: recur recipe keys --markdown > Sources/Recipes/KEYS.md")
  }

  @Test func `each key of an effective recipe has an entry, with what holds where it is left out`() throws {
    let paths = Set(RecipeReference.entries.map(\.path))
    var section = ""
    for line in try recipe().effectiveYAML.split(separator: "\n") {
      let key = line.prefix { $0 != ":" }
      if !line.hasPrefix(" ") { section = String(key) }
      let path = line.hasPrefix(" ") ? "\(section).\(key.dropFirst(2))" : section
      #expect(paths.contains(path))
    }
    let decay = try RecipeReference.entries(of: "train.ema")
    #expect(decay.map(\.preset) == ["null"])
    #expect(decay.map(\.value) == ["number, at least 0 and below 1"])
    let rate = try RecipeReference.entries(of: "optimizer.lr")
    #expect(rate.map(\.preset) == ["0.001 (rmsprop: 0.01)"])
  }

  @Test func `an unknown key names the nearest`() {
    let failure = #expect(throws: Failure.self) { try RecipeReference.entries(of: "train.emma") }
    #expect(failure?.message == "train.emma is no key of a recipe; did you mean train.ema?")
    #expect(failure?.kind == .usage)
  }

  @Test(
    arguments: [
      ("train.em", ["train.ema="]), ("model.cell=l", ["model.cell=lstm"]),
      ("optimizer=adam", ["optimizer=adam", "optimizer=adamw"]),
      ("train.shuffle=", ["train.shuffle=true", "train.shuffle=false"]), ("train.ema=", []), ("nothing", []),
    ] as [(String, [String])])
  func `a setting is completed`(_ text: String, _ candidates: [String]) {
    #expect(RecipeReference.completions(of: text) == candidates)
  }
}

/// The schema, as an editor uses it.
@Suite struct RecipeSchemaTests {
  private static let python: String? = {
    [ProcessInfo.processInfo.environment["RECUR_PYTHON"], "/usr/bin/python3"].compactMap { $0 }
      .first { (try? run($0, "import jsonschema, yaml"))?.status == 0 }
  }()

  private static func run(_ python: String, _ arguments: String...) throws -> (status: Int32, output: String)
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c"] + arguments
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(.enabled(if: python != nil, "needs Python with jsonschema and PyYAML; name it in RECUR_PYTHON"))
  func `it takes the bundled recipes, and refuses what no recipe may hold`() throws {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("schema-\(UUID()).json")
    defer { try? FileManager.default.removeItem(at: scratch) }
    try Data(RecipeReference.jsonSchema.utf8).write(to: scratch)
    let program = """
      import copy, glob, json, sys, jsonschema, yaml
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft202012Validator.check_schema(schema)
      validator = jsonschema.Draft202012Validator(schema)
      recipes = {p: yaml.safe_load(open(p)) for p in glob.glob(sys.argv[2] + "/*.yaml")}
      assert len(recipes) >= 9
      for path, recipe in recipes.items():
        errors = [e.message for e in validator.iter_errors(recipe)]
        assert not errors, (path, errors)
      stock = next(r for p, r in recipes.items() if p.endswith("stock-lstm.yaml"))
      def refuses(section, key, value):
        wrong = copy.deepcopy(stock)
        if not isinstance(wrong.get(section), dict): wrong[section] = {"name": wrong[section]}
        wrong[section][key] = value
        assert not validator.is_valid(wrong), (section, key, value)
      refuses("train", "bach_size", 1)
      refuses("train", "epochs", 0)
      refuses("train", "ema", 1.0)
      refuses("model", "cell", "lsmt")
      refuses("loss", "delta", 1.0)
      refuses("optimizer", "dampening", 0.5)
      del stock["train"]["epochs"]
      assert not validator.is_valid(stock)
      """
    let outcome = try Self.run(try #require(Self.python), program, scratch.path, recipeFolder.path)
    #expect(outcome.status == 0, "\(outcome.output)")
  }
}
