import Foundation
import Recipes
import TestSupport
import Testing

/// The schema, as an editor uses it.
@Suite(.tags(.fast)) struct RecipeSchemaTests {
  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// The properties of a section's map, or of each of its variants.
  private func properties(_ section: String) throws -> [[String: [String: Any]]] {
    let root = try #require(object(RecipeReference.jsonSchema)["properties"] as? [String: [String: Any]])
    func maps(_ schema: [String: Any]) -> [[String: [String: Any]]] {
      if let found = schema["properties"] as? [String: [String: Any]] { return [found] }
      return (schema["anyOf"] as? [[String: Any]] ?? []).flatMap(maps)
    }
    return maps(try #require(root[section]))
  }

  @Test func `it has each key of each section, with its sentence`() throws {
    let sections = RecipeReference.entries.filter(\.isSection).map(\.path).filter { !$0.contains(".") }
    #expect(sections.count == 9)
    for section in sections {
      let variants = try properties(section)
      let below = RecipeReference.entries.filter {
        $0.path.hasPrefix(section + ".") && $0.path.split(separator: ".").count == 2
      }
      #expect(
        Set(variants.flatMap(\.keys)) == Set(below.map { String($0.path.dropFirst(section.count + 1)) }))
      for entry in below {
        let name = String(entry.path.dropFirst(section.count + 1))
        let said = variants.compactMap { $0[name]?["description"] as? String }
        #expect(said.contains { $0.hasPrefix(entry.sentence) }, "\(entry.path)")
      }
    }
  }

  @Test func `a section has the keys of its kind alone`() throws {
    let optimizers = try properties("optimizer")
    #expect(
      optimizers.map { $0["name"]?["const"] as? String } == [
        "sgd", "adam", "adamw", "rmsprop", "lamb", "lars",
      ])
    #expect(optimizers.map { $0.keys.contains("betas") } == [false, true, true, false, true, false])
    #expect(try properties("model").map { $0.count < 5 } == [false, false, false, true])
  }

  @Test func `on one line it is the same`() throws {
    let line = RecipeReference.jsonSchemaLine
    #expect(line.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
    let (whole, short) = try (object(RecipeReference.jsonSchema), object(line))
    #expect(NSDictionary(dictionary: whole) == NSDictionary(dictionary: short))
    #expect(whole["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
  }

  private static let python: String? = {
    [ProcessInfo.processInfo.environment["RECUR_PYTHON"], find("python3")].compactMap { $0 }
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
      refuses("train", "epochs", -1)
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
