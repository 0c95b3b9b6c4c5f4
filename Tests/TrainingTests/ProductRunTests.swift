import Collective
import Dataset
import Files
import Foundation
import Kernels
import Recurrent
import Synchronization
import TestSupport
import Testing
import Training

/// Runs whose products a BLAS computes: they repeat, go on as they began, and a strict run has none.
@Suite(.tags(.fast), .enabled(if: installed != nil, "libopenblas.so.0 is not installed"))
struct ProductRunTests {
  private final class Notes: TrainingObserver, Sendable {
    private let all = Mutex<[String]>([])
    var lines: [String] { all.withLock { $0 } }
    func note(_ line: String) { all.withLock { $0.append(line) } }
    func started(_ start: TrainingStart) {}
    func progress(_ progress: TrainingProgress) {}
    func epochEnded(_ epoch: EpochSummary) {}
    func checkpointSaved(path: String) {}
  }

  private func train(
    _ run: TemporaryRun, _ mode: ProductMode?, out: String, _ overrides: [String] = [], ranks: Int = 1,
    resume: ResumeChoice = .never, stopAt step: Int? = nil
  ) throws -> (report: TrainingReport, notes: [String], state: CheckpointState) {
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["model.hidden_size=24", "model.num_layers=2"] + overrides)
    let notes = Notes()
    let reports = try Threaded.withRanks(ranks) { group in
      var options = TrainingOptions()
      options.outputDirectory = "\(run.path)/\(out)"
      options.resume = resume
      options.threads = 1
      options.products = mode
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group, observer: notes)
      if let step {
        trainer.faults = { [unowned trainer] next, _ in if next >= step { trainer.requestStop() } }
      }
      return try trainer.run()
    }
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 })
    let file = try CheckpointFile(reading: reports[0].checkpoint)
    return (reports[0], notes.lines, file.state)
  }

  @Test(arguments: [1, 3]) func `a resumed run goes on with the same products`(_ ranks: Int) throws {
    let run = try TemporaryRun()
    let whole = try train(run, .blas, out: "whole", ranks: ranks)
    #expect(whole.state.products?.library == installed!.description)
    #expect(
      whole.notes.contains {
        $0.hasSuffix("of the matrix products are computed by \(installed!.description)")
      })
    let own = try train(run, .own, out: "own", ranks: ranks)
    #expect(own.report.parametersSHA256 != whole.report.parametersSHA256, "other bits show that it computed")
    #expect(own.state.products == nil)
    _ = try train(run, .blas, out: "parts", ranks: ranks, stopAt: 7)
    // What was chosen is the checkpoint's to say, where nobody asks for something else.
    let parts = try train(run, .auto, out: "parts", ranks: ranks, resume: .auto)
    #expect(parts.report.parametersSHA256 == whole.report.parametersSHA256)
    #expect(parts.state.products == whole.state.products)
  }

  @Test func `a run of own products goes on with them`() throws {
    let run = try TemporaryRun()
    let whole = try train(run, .own, out: "whole")
    _ = try train(run, .auto, out: "parts", stopAt: 7)
    let parts = try train(run, .auto, out: "parts", resume: .auto)
    #expect(parts.report.parametersSHA256 == whole.report.parametersSHA256 && parts.state.products == nil)
    #expect(!parts.notes.contains { $0.contains("products") })
  }

  @Test func `another way to go on is said`() throws {
    let run = try TemporaryRun()
    _ = try train(run, .blas, out: "parts", stopAt: 7)
    let own = try train(run, .own, out: "parts", resume: .auto)
    #expect(
      own.notes.contains(
        "the checkpoint's products are those of \(installed!.description), and RECUR_PRODUCTS takes own ones: its bits will not be those of an unbroken run"
      ), "\(own.notes)")
    _ = try train(run, .own, out: "others", stopAt: 7)
    let blas = try train(run, .blas, out: "others", resume: .auto)
    #expect(
      blas.notes.contains(
        "the checkpoint was made with own products, and RECUR_PRODUCTS=blas takes a BLAS: its bits will not be those of an unbroken run"
      ), "\(blas.notes)")
  }

  @Test func `a library that is not here is said`() throws {
    let model = try Model(
      Network(.lstm, inputs: 3, hidden: 24, steps: 4, head: [.linear(1)]), seed: 1)
    let saved = ProductChoices(library: "OpenBLAS 9.9", threads: 1, products: model.products.all)
    let agreement = try ProductAgreement(resuming: saved, model, Solo(), mode: .auto)
    #expect(agreement.choices == nil && model.products.choices == nil)
    #expect(
      agreement.notes == [
        "the checkpoint's products are those of OpenBLAS 9.9, and here is \(installed!.description): own kernels go on, its bits will not be those of an unbroken run; name that library in RECUR_BLAS to go on with it"
      ])
    let threads = ProductChoices(library: installed!.description, threads: 4, products: model.products.all)
    let other = try ProductAgreement(resuming: threads, model, Solo(), mode: .auto)
    #expect(
      other.choices == threads
        && other.notes.first?.contains("were shared by 4 threads, and 1 share them now") == true)
  }

  @Test func `strict runs have own products`() throws {
    let run = try TemporaryRun()
    let strict = ["distributed.reduction=strict"]
    let own = try train(run, .own, out: "own", strict)
    let blas = try train(run, .blas, out: "blas", strict, ranks: 2)
    #expect(blas.report.parametersSHA256 == own.report.parametersSHA256 && blas.state.products == nil)
    let half = try train(run, .blas, out: "half", ["precision=bf16"])
    #expect(half.state.products == nil)
  }

  /// Rank 0 measures for all, and remembers it.
  @Test func `ranks agree`() throws {
    let folder = NSTemporaryDirectory() + "recur-products-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func agree() throws -> [(ProductChoices?, [ProductVerdict], ProductChoices?)] {
      try Threaded.withRanks(3) { group in
        let model = try Model(
          Network(.lstm, inputs: 64, hidden: 160, steps: 20, head: [.linear(10)]), seed: 1)
        let agreement = try ProductAgreement(
          model, rows: 20 * 32, sequences: 32, group, mode: .auto, files: CacheFolder(folder))
        return (agreement.choices, agreement.verdicts, model.products.choices)
      }
    }
    let first = try agree()
    #expect(first[0].1.map(\.shape.kind) == [.forward, .gradient, .gradient])
    #expect(first.allSatisfy { $0.0 == first[0].0 && $0.2 == first[0].0 })
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
    #expect(try agree()[0].1 == first[0].1)
  }
}

private let installed = BLASLibrary.open(["libopenblas.so.0"]).library
