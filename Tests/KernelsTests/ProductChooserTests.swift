import Diagnostics
import Kernels
import Synchronization
import TestSupport
import Testing

/// What is decided by measuring, and what is remembered of it.
@Suite(.tags(.fast), .enabled(if: cCompiler != nil, "no C compiler is installed"))
struct ProductChooserTests {
  /// Files in memory; counts what is tried and looked for.
  private final class Bench {
    var files: [String: [UInt8]] = [:]
    var trials: [String] = []
    var searches = 0
    var finding: BLASLibrary.SearchResult
    /// Which products the BLAS wins; nil for a result that is not that of own kernels.
    var wins: (ProductShape) -> Bool? = { $0.kind != .back }
    init(_ finding: BLASLibrary.SearchResult) { self.finding = finding }

    var chooser: ProductChooser {
      ProductChooser(
        memory: .init(read: { self.files[$0] }, write: { self.files[$1] = $0 }), machine: "a processor",
        findLibrary: { () throws(Failure) in
          self.searches += 1
          return self.finding
        },
        trial: { trial in
          self.trials.append("\(trial.shape)")
          return self.wins(trial.shape).map { ProductVerdict(trial.shape, own: 2, blas: 1.5, isBLAS: $0) }
        })
    }
  }

  private let library: BLASLibrary
  private let products: Products

  init() throws {
    library = try #require(try TinyBLAS.fortran.withLibrary { BLASLibrary.open([$0]).library })
    products = Products(.portable, try Team(threads: 1))
    _ = products.weight(outputs: 512, inputs: 128, [.forward, .back, .gradient])
  }

  private func choose(_ bench: Bench, _ mode: ProductMode = .auto, rows: Int = 1000) throws
    -> ProductChooser.Outcome
  {
    try bench.chooser.choose(products, mode, rows: rows, sequences: 10)
  }

  @Test func `each shape is tried once on a machine`() throws {
    let bench = Bench(.found(library))
    let first = try choose(bench)
    let tried = ["forward", "back", "gradient"].map { "\($0) 512 × 128, 512 rows" }
    #expect(bench.trials == tried)
    #expect(first.choices?.library == library.description && first.choices?.threads == 1)
    // From half as many rows on as were tried.
    #expect(
      first.choices?.products.map(\.description)
        == ["forward 512 × 128, 256 rows", "gradient 512 × 128, 256 rows"])
    let again = try choose(bench)
    #expect(bench.trials == tried && again.choices == first.choices && again.verdicts == first.verdicts)
    // Another processor's, or another number of threads.
    let other = Products(.portable, try Team(threads: 2))
    _ = other.weight(outputs: 512, inputs: 128, [.forward])
    let few = try bench.chooser.choose(other, .auto, rows: 1000, sequences: 10)
    #expect(few.choices == nil && few.problem?.contains("is built for one thread") == true)
    #expect(bench.files.count == 3)
  }

  /// Whatever stands in a file: it is used as it was written, or measured anew and written again.
  @Test func `a broken or foreign file is ignored`() throws {
    let bench = Bench(.found(library))
    let right = try choose(bench)
    let files = bench.files
    func broken(_ text: [UInt8]) -> [[UInt8]] {
      let lines = String(decoding: text, as: UTF8.self).split(
        separator: "\n", omittingEmptySubsequences: false)
      let cuts = stride(from: 0, to: text.count, by: 3).map { Array(text[..<$0]) }
      func with(_ line: Int, _ other: String) -> [UInt8] {
        var lines = lines.map(String.init)
        lines[line] = other
        return Array(lines.joined(separator: "\n").utf8)
      }
      return cuts + [
        with(0, "recur products 1; another processor"), with(1, "own"), with(1, "own fast"),
        with(1, "own nan"),
        with(1, "own -1"), with(1, "own inf"), with(2, "blas 1 2"), with(3, "choice mkl"), with(3, "choice "),
        with(4, "more"), Array(text + text), [UInt8](repeating: 0xff, count: 40),
        Array("\u{1b}]0;x\u{7}".utf8),
      ]
    }
    for (name, text) in files {
      for bytes in broken(text) {
        bench.files = files
        bench.files[name] = bytes
        bench.trials = []
        #expect(try choose(bench).choices == right.choices)
        #expect(bench.trials.count == 1, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        #expect(bench.files == files)
      }
    }
  }

  @Test func `small models look for no library`() throws {
    let bench = Bench(.found(library))
    #expect(try choose(bench, rows: 100).choices == nil)
    #expect(try choose(bench, .own).choices == nil)
    let half = Products(KernelSet.portable.bf16, try Team(threads: 1))
    _ = half.weight(outputs: 512, inputs: 128, [.forward])
    for mode in ProductMode.allCases {
      #expect(try bench.chooser.choose(half, mode, rows: 1000, sequences: 10).choices == nil)
    }
    #expect(bench.searches == 0)
  }

  @Test func `a BLAS that was asked for computes all, or is missed`() throws {
    let bench = Bench(.found(library))
    #expect(try choose(bench, .blas, rows: 1).choices?.products.map(\.rows) == [1, 1, 1])
    #expect(bench.trials.isEmpty)
    bench.finding = .missing("libopenblas.so.0: nothing")
    #expect(try choose(bench).problem == "no BLAS is there: libopenblas.so.0: nothing")
    let failure = #expect(throws: Failure.self) { try choose(bench, .blas) }
    #expect(failure?.kind == .unavailable)
    #expect(
      failure?.message.hasPrefix("RECUR_PRODUCTS=blas: no BLAS is there: libopenblas.so.0: nothing;") == true)
  }

  @Test func `one that is wrong for a product is not used`() throws {
    let bench = Bench(.found(library))
    bench.wins = { $0.kind == .back ? nil : true }
    let outcome = try choose(bench)
    #expect(outcome.choices == nil)
    #expect(
      outcome.problem
        == "\(library.description) is not used: its product back 512 × 128, 512 rows, is not that of own kernels"
    )
  }

  // MARK: Trials

  private static let shape = ProductShape(kind: .forward, outputs: 300, inputs: 64, rows: 128)

  @Test(arguments: ProductKind.allCases) func `a trial compares results`(_ kind: ProductKind) throws {
    let wrong = try #require(try TinyBLAS.wrongWhenLarge.withLibrary { BLASLibrary.open([$0]).library })
    var shape = Self.shape
    shape.kind = kind
    if kind == .back { (shape.outputs, shape.inputs) = (64, 300) }
    if kind == .gradient { (shape.outputs, shape.inputs) = (64, 300) }
    let team = try Team(threads: 1)
    #expect(ProductTrial(shape, .portable, team, wrong).run() == nil)
    let verdict = try #require(ProductTrial(shape, .best, team, library).run())
    #expect(verdict.shape == shape && verdict.ownMilliseconds > 0 && verdict.blasMilliseconds > 0)
  }

  struct Rounds: Sendable {
    /// Seconds of the own product and of the BLAS's.
    var own, blas: [Double]
    var isBLAS: Bool
  }
  private static let rounds = [
    Rounds(own: [1], blas: [0.5], isBLAS: true), Rounds(own: [1], blas: [0.95], isBLAS: false),
    Rounds(own: [1], blas: [2], isBLAS: false), Rounds(own: [1], blas: [1], isBLAS: false),
    // A disturbance of one round decides nothing, neither way.
    Rounds(own: [1], blas: [0.9, 9, 0.9, 0.9, 0.9], isBLAS: true),
    Rounds(own: [9, 1, 1, 1, 1], blas: [1], isBLAS: false),
    Rounds(own: [1], blas: [0.9, 9, 9, 0.9, 0.9], isBLAS: false),
  ]

  @Test(arguments: rounds) func `noise decides nothing`(_ rounds: Rounds) throws {
    let times = (0..<5).flatMap { [rounds.own[$0 % rounds.own.count], rounds.blas[$0 % rounds.blas.count]] }
    var (now, calls) = (0.0, 0)
    let clock = { () -> Double in
      // The second call of each pair is at the end of what is timed.
      if calls % 2 == 1 { now += times[calls / 2] }
      calls += 1
      return now
    }
    let verdict = ProductTrial(Self.shape, .portable, try Team(threads: 1), library).run(
      seconds: clock, operations: 1)
    #expect(verdict?.isBLAS == rounds.isBLAS)
  }
}
