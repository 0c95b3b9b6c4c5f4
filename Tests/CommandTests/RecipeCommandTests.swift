import Foundation
import Testing

@Suite struct RecipeCommandTests {
  @Test(
    arguments: [
      ([], 0, "launch/recipes/stock-lstm.yaml is right: stock-lstm, csv"),
      (["--data"], 0, "is right"),
      (["--set", "model.cell=lsmt"], 65, "--set model.cell=lsmt: model.cell must be one of"),
      (["--set", "train.bach_size=1"], 65, "unknown key train.bach_size; did you mean batch_size?"),
      (["--set", "data.path=missing.csv", "--data"], 66, "missing.csv"),
      (["--set", "train"], 64, "expected KEY=VALUE"),
    ] as [([String], Int32, String)])
  func aRecipeIsChecked(_ arguments: [String], _ status: Int32, _ words: String) throws {
    let outcome = try Command.run(
      arguments: ["recipe", "check", "launch/recipes/stock-lstm.yaml"] + arguments)
    #expect(outcome.status == status, "\(outcome.err)")
    #expect((status == 0 ? outcome.out : outcome.err).contains(words))
    #expect(outcome.err.split(separator: "\n").count == (status == 0 ? 0 : 1), "\(outcome.err)")
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

  @Test(arguments: [
    (["trian", "x.yaml"], "recur has no command trian; did you mean recur train?"),
    (["recipe", "chek"], "recur recipe has no command chek; did you mean recur recipe check?"),
  ])
  func anUnknownCommandNamesTheNearest(_ arguments: [String], _ words: String) throws {
    let outcome = try Command.run(arguments: arguments)
    #expect(outcome.status == 64)
    #expect(outcome.err == "recur: \(words)\n")
  }
}
