import Diagnostics
import Foundation
import Recipes
import TestSupport
import Testing

/// What is made of the keys' declarations besides reading and writing.
@Suite(.tags(.fast)) struct RecipeReferenceTests {
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
    #expect(rate.map(\.preset) == ["0.001 (rmsprop: 0.01, lars: 1.0)"])
    #expect(try RecipeReference.entries(of: "optimizer")[0].preset == "adam")
    #expect(try RecipeReference.entries(of: "schedule")[0].preset == "constant")
    #expect(try RecipeReference.entries(of: "early_stopping")[0].preset == "null")
    #expect(try RecipeReference.entries(of: "checkpoint")[0].preset == nil)
  }

  @Test func `a key that may be a number or a map says both`() throws {
    let zoneout = try RecipeReference.entries(of: "model.zoneout")
    #expect(zoneout.map(\.path) == ["model.zoneout", "model.zoneout.hidden", "model.zoneout.cell"])
    #expect(zoneout[0].value == "number, at least 0 and below 1 | {hidden, cell}")
    #expect(!zoneout[0].isSection)
    #expect(zoneout[0].preset == "{hidden: 0.0, cell: 0.0}")
  }

  @Test func `what holds where a key is left out is what the effective recipe then says`() throws {
    let optimizers = ["sgd", "adam", "adamw", "rmsprop", "lamb", "lars"]
    let schedules = ["constant", "step, step_size: 2", "exponential, gamma: 0.5", "cosine", "plateau"]
    let ways = [
      "{sync_every: 1}", "{sync_every: 2, sync_delay: 1}", "{compress: powersgd}", "{compress: topk}",
    ]
    let short = try
      (optimizers.map { "optimizer={name: \($0)}" } + schedules.map { "schedule={name: \($0)}" }
      + ways.map { "distributed=\($0)" }
      + ["early_stopping={}", "train={epochs: 1, batch_size: 1, init_from: x}"])
      .map { setting in
        try recipe(
          """
          data: {format: csv, path: x, features: [a], targets: [b]}
          model: {cell: lstm, hidden_size: 3, head: [{linear: 1}]}
          loss: mse
          train: {epochs: 1, batch_size: 1}
          """, setting
        ).effectiveYAML
      }.joined()
    let plain = RecipeReference.entries.filter { entry in
      // A default that differs by the kind of section is said in words.
      entry.path.utf8.count { $0 == UInt8(ascii: ".") } == 1 && entry.preset?.contains("(") == false
        && !["data.", "model.", "loss."].contains { entry.path.hasPrefix($0) }
        && entry.path != "schedule.t_max"
    }
    #expect(plain.count > 30)
    for entry in plain {
      let name = entry.path.split(separator: ".")[1]
      #expect(short.contains("  \(name): \(entry.preset!)\n"), "\(entry.path)")
    }
  }

  @Test func `an unknown key names the nearest`() {
    let failure = #expect(throws: Failure.self) { try RecipeReference.entries(of: "train.emma") }
    #expect(failure?.message == "train.emma is no key of a recipe; did you mean train.ema?")
    #expect(failure?.kind == .usage)
  }

  @Test(
    arguments: [
      ("train.em", ["train.ema="]), ("model.cell=l", ["model.cell=lstm"]),
      ("data.fit_scale_on", ["data.fit_scale_on=train", "data.fit_scale_on=all"]),
      ("data.scale", ["data.scale=", "data.scale_per="]),
      ("model.zone", ["model.zoneout=", "model.zoneout.hidden=", "model.zoneout.cell="]),
      ("early_stopping.p", ["early_stopping.patience="]), ("split", []), ("data.split=", []),
      ("optimizer=adam", ["optimizer=adam", "optimizer=adamw"]),
      ("train.shuffle=", ["train.shuffle=true", "train.shuffle=false"]), ("train.ema=", []), ("nothing", []),
    ] as [(String, [String])])
  func `a setting is completed`(_ text: String, _ candidates: [String]) {
    #expect(RecipeReference.completions(of: text) == candidates)
  }
}
