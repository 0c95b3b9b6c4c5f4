import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Runs of cells that PyTorch does not have: an LSTM with peepholes, a GRU whose reset gate comes before the recurrent product.
@Suite(.tags(.fast)) struct CellVariantRunTests {
  static let variants = [
    ["model.peepholes=true", "model.proj_size=3"], ["model.cell=gru", "model.reset_after=false"],
  ]
  private static let still = ["train.epochs=1", "optimizer={name: sgd, lr: 0}"]

  private func recipe(_ run: TemporaryRun, _ overrides: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe("model.num_layers=2", "model.bidirectional=true").effectiveYAML,
      path: "series.yaml", baseDirectory: run.path, overrides: overrides)
  }

  private func plain(_ variant: [String]) -> [String] {
    variant.filter { !$0.contains("peepholes") && !$0.contains("reset_after") }
  }

  @Test(arguments: variants) func `the effective recipe reads back, and a plain one has no word of them`(
    _ variant: [String]
  ) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, variant)
    let again = try Recipe(yaml: recipe.effectiveYAML, path: "r", baseDirectory: "/")
    #expect(again == recipe && again.effectiveYAML == recipe.effectiveYAML)
    let without = try self.recipe(run, plain(variant)).effectiveYAML
    #expect(!without.contains("peepholes") && !without.contains("reset_after"))
    #expect(without != recipe.effectiveYAML)
  }

  @Test(arguments: variants) func `they learn something else, on many ranks as on one`(_ variant: [String])
    throws
  {
    let run = try TemporaryRun()
    let sgd = ["optimizer={name: sgd, lr: 0.1}"]
    let one = try run.train(recipe(run, variant + sgd), out: "one")
    let other = try run.train(recipe(run, plain(variant) + sgd), out: "plain")
    #expect(one.test!.loss != other.test!.loss)
    for ranks in 2...4 {
      let many = try run.train(recipe(run, variant + sgd), ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < 1e-6)
    }
  }

  @Test(arguments: variants) func `a stopped run goes on as the same run`(_ variant: [String]) throws {
    let run = try TemporaryRun()
    let whole = try run.train(recipe(run, variant), out: "whole")
    var report = try run.train(recipe(run, variant), out: "cut", stopAtOnce: true)
    while report.status == .interrupted {
      report = try run.train(recipe(run, variant), out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(report.parametersSHA256 == whole.parametersSHA256 && report.test == whole.test)
    let checkpoint = try CheckpointedModel(contentsOf: report.runDirectory, overrides: [])
    #expect(checkpoint.recipe.model == (try recipe(run, variant)).model)
  }

  @Test(arguments: variants) func `another run begins with their weights, to the bit`(_ variant: [String])
    throws
  {
    let run = try TemporaryRun()
    let first = try run.train(recipe(run, variant), out: "first")
    let second = try run.train(
      recipe(run, variant + Self.still + ["train.init_from=\(first.checkpoint)"]), out: "second")
    #expect(second.initFrom?.missing == [] && second.initFrom?.unused == [])
    #expect(try TemporaryRun.parameters(second) == TemporaryRun.parameters(first))
  }

  @Test func `peepholes that are new to an LSTM's weights change nothing at first`() throws {
    let run = try TemporaryRun()
    let plain = try run.train(recipe(run, []), out: "plain")
    let named = ["model.peepholes=true", "train.init_from=\(plain.runDirectory)"] + Self.still
    #expect(throws: Failure.self) { try run.train(recipe(run, named), out: "refused") }
    let report = try run.train(
      recipe(run, named + ["train.allow_missing=rnn.peephole_*"]), out: "seeing")
    #expect(report.initFrom?.missing.count == 4)
    let (found, known) = (report.test!.loss, plain.test!.loss)
    #expect(abs(found - known) < 1e-6 * known)
  }
}
