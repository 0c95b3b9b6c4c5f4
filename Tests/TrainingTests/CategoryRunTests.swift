import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Whole runs whose network reads categorical columns.
@Suite(.tags(.fast)) struct CategoryRunTests {
  private static let columns = ["data.categorical=[d, g]", "data.features=[a]"]

  private func recipe(_ run: TemporaryRun, _ overrides: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.columns + overrides)
  }

  @Test(arguments: [
    [], ["model.cell=gru", "model.bidirectional=true"], ["model.layer_norm=true"], ["model.cell=rnn"],
    ["model.category_embedding={g: 17}", "model.category_dropout=0.3"],
  ]) func `have the same bits for any number of ranks`(_ overrides: [String]) throws {
    let run = try TemporaryRun()
    let strict = try recipe(run, ["distributed.reduction=strict", "train.epochs=2"] + overrides)
    let one = try run.train(strict, out: "one")
    let fast = try recipe(run, ["train.epochs=2"] + overrides)
    let alone = try run.train(fast, out: "alone")
    for ranks in 2...4 {
      let many = try run.train(strict, ranks: ranks, out: "strict\(ranks)", threads: ranks % 2 + 1)
      #expect(many.parametersSHA256 == one.parametersSHA256, "\(ranks) ranks")
      let other = try run.train(fast, ranks: ranks, out: "fast\(ranks)")
      let difference = try relativeDifference(TemporaryRun.parameters(other), TemporaryRun.parameters(alone))
      #expect(difference < 1e-5, "\(ranks) ranks")
    }
  }

  @Test func `have tables of the widths asked for, and go on where they stopped`() throws {
    let run = try TemporaryRun()
    for (key, widths) in [("auto", [1, 9]), ("3", [3, 3]), ("{g: 5}", [1, 5])] {
      let recipe = try recipe(run, ["model.category_embedding=\(key)"])
      let data = try LoadedData(recipe.data)
      let categories = try recipe.network(for: data.shape).categories
      #expect(categories.map(\.width).prefix(1) == widths.prefix(1))
      if key != "auto" { #expect(categories.map(\.width) == widths) }
      #expect(categories.map(\.vocabulary) == data.shape.categories)
      // Half of the categories that training has seen, rounded up.
      if key == "auto" { #expect(categories[1].width == (categories[1].vocabulary - 1 + 1) / 2) }
    }
    let recipe = try recipe(run, [])
    let whole = try run.train(recipe, out: "whole")
    var report = try run.train(recipe, out: "cut", stopAtOnce: true)
    while report.status == .interrupted {
      report = try run.train(recipe, out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(report.parametersSHA256 == whole.parametersSHA256)
  }

  @Test func `are refused where they do not fit`() throws {
    let run = try TemporaryRun()
    func message(_ overrides: String...) throws -> String {
      let error = #expect(throws: Failure.self) {
        let recipe = try recipe(run, overrides)
        _ = try recipe.network(for: LoadedData(recipe.data).shape)
      }
      return error?.message ?? ""
    }
    #expect(try message("model.category_embedding={x: 3}").contains("x is no column of data.categorical"))
    #expect(
      try message("data.categorical=[]", "model.category_embedding=3").contains(
        "is for categorical columns, but this data has none"))
    #expect(try message("model.category_embedding=0").contains("must be at least 1"))
    // The width is auto where nothing is said of it.
    let dropout = try recipe(run, ["model.category_dropout=0.3"])
    #expect(
      try dropout.network(for: LoadedData(dropout.data).shape).categories.allSatisfy {
        $0.dropout == 0.3
      })
    #expect(
      try message("data.categorical=[]", "model.category_dropout=0.3").contains(
        "model.category_dropout is for categorical columns, but this data has none"))
  }
}
