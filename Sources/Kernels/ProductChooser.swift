import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Who is to compute large products.
public enum ProductMode: String, CaseIterable, Sendable {
  case own
  /// All of them by a BLAS, also where that is slower.
  case blas
  /// A BLAS where it was measured to be clearly faster.
  case auto

  /// What `RECUR_PRODUCTS` says; `auto` where it is not set.
  public static func fromEnvironment() throws(Failure) -> ProductMode {
    guard let value = getenv("RECUR_PRODUCTS") else { return .auto }
    let name = String(cString: value)
    guard let mode = ProductMode(rawValue: name) else {
      throw .usage("RECUR_PRODUCTS=\(name) is not understood; give own, blas or auto")
    }
    return mode
  }
}

/// Decides which products of a model a BLAS computes, and remembers what was measured.
public struct ProductChooser {
  /// What was decided, and what a person may want to know of it.
  public struct Outcome: Sendable {
    public var choices: ProductChoices?
    public var library: BLASLibrary?
    /// Of the products that are large enough for a trial.
    public var verdicts: [ProductVerdict] = []
    /// Why there is no BLAS where one was looked for.
    public var problem: String?

    package init(
      choices: ProductChoices? = nil, library: BLASLibrary? = nil, verdicts: [ProductVerdict] = [],
      problem: String? = nil
    ) {
      (self.choices, self.library, self.verdicts, self.problem) = (choices, library, verdicts, problem)
    }
  }

  /// Reads and writes files that are kept from run to run, by name; a file that is not there has no bytes.
  public struct Store {
    var read: (String) -> [UInt8]?
    var write: ([UInt8], String) -> Void

    public init(read: @escaping (String) -> [UInt8]?, write: @escaping ([UInt8], String) -> Void) {
      (self.read, self.write) = (read, write)
    }
    /// Remembers nothing.
    public static var none: Store { Store(read: { _ in nil }, write: { _, _ in }) }
  }

  private let memory: Store
  private let machine: String
  private let findLibrary: () throws(Failure) -> BLASLibrary.SearchResult
  private let trial: (ProductTrial) -> ProductVerdict?

  /// - machine: tells processors apart on which a product may take another time.
  public init(memory: Store, machine: String) {
    self.init(memory: memory, machine: machine, findLibrary: BLASLibrary.preferred) { $0.run() }
  }

  package init(
    memory: Store, machine: String, findLibrary: @escaping () throws(Failure) -> BLASLibrary.SearchResult,
    trial: @escaping (ProductTrial) -> ProductVerdict?
  ) {
    (self.memory, self.machine, self.findLibrary, self.trial) = (memory, machine, findLibrary, trial)
  }

  /// Decides for batches of so many rows. A library is only looked for where a product is large enough.
  /// - rows: all steps of all sequences of a batch; sequences: of a batch.
  /// - Throws: `usage` for a library's name that is not understood, `unavailable` where a BLAS was asked for and there is none.
  public func choose(_ products: Products, _ mode: ProductMode, rows: Int, sequences: Int) throws(Failure)
    -> Outcome
  {
    let large = products.large(rows: rows, sequences: sequences)
    guard mode == .blas || mode == .auto && !large.isEmpty, !products.kernels.isBF16 else { return Outcome() }
    let finding = try findLibrary()
    guard let library = finding.library else {
      if mode == .blas {
        throw Failure(
          .unavailable,
          "RECUR_PRODUCTS=blas: \(finding.problem!); install one (Debian: apt install libopenblas0-pthread), or name its file in RECUR_BLAS"
        )
      }
      return Outcome(problem: finding.problem)
    }
    guard library.servesThreads || products.team.count == 1 else {
      return try oneThread(library, mode)
    }
    guard mode == .auto else {
      return Outcome(choices: choices(products.all, library, products.team.count), library: library)
    }
    return measure(large, products, library)
  }

  private func oneThread(_ library: BLASLibrary, _ mode: ProductMode) throws(Failure) -> Outcome {
    let problem =
      "\(library.description) is built for one thread: it is used with --threads 1, or name another in RECUR_BLAS"
    if mode == .blas { throw Failure(.unavailable, "RECUR_PRODUCTS=blas: \(problem)") }
    return Outcome(problem: problem)
  }

  private func measure(_ shapes: [ProductShape], _ products: Products, _ library: BLASLibrary) -> Outcome {
    var outcome = Outcome(library: library)
    for shape in shapes {
      let key = key(shape, products, library)
      if let known = recall(key, shape) {
        outcome.verdicts.append(known)
        continue
      }
      guard let verdict = trial(ProductTrial(shape, products.kernels, products.team, library)) else {
        return Outcome(
          problem: "\(library.description) is not used: its product \(shape), is not that of own kernels")
      }
      memory.write(Array(Self.text(key, verdict).utf8), Self.name(key))
      outcome.verdicts.append(verdict)
    }
    let chosen = outcome.verdicts.filter(\.isBLAS).map { verdict in
      var shape = verdict.shape
      // What holds for that many holds for half of them.
      shape.rows = max(shape.rows / 2, ProductShape.fewestRows)
      return shape
    }
    if !chosen.isEmpty { outcome.choices = choices(chosen, library, products.team.count) }
    return outcome
  }

  private func choices(_ products: [ProductShape], _ library: BLASLibrary, _ threads: Int) -> ProductChoices {
    ProductChoices(library: library.description, threads: threads, products: products)
  }

  // MARK: Memory

  /// All that a verdict depends on, in one line.
  private func key(_ shape: ProductShape, _ products: Products, _ library: BLASLibrary) -> String {
    [
      "recur products 1", machine, products.kernels.name, "\(products.team.count) threads",
      library.description,
      "\(shape)",
    ].joined(separator: "; ").replacing("\n", with: " ")
  }

  private static func name(_ key: String) -> String { "product-\(hash(key)).txt" }

  /// FNV-1a, as a name for files.
  private static func hash(_ text: String) -> String {
    let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  private static func text(_ key: String, _ verdict: ProductVerdict) -> String {
    """
    \(key)
    own \(verdict.ownMilliseconds)
    blas \(verdict.blasMilliseconds)
    choice \(verdict.isBLAS ? "blas" : "own")

    """
  }

  /// nil where the file is not there, another's, or not whole.
  private func recall(_ key: String, _ shape: ProductShape) -> ProductVerdict? {
    guard let bytes = memory.read(Self.name(key)), let text = String(validating: bytes, as: UTF8.self)
    else { return nil }
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    guard lines.count == 5, lines[0].hasSameBytes(as: key), lines[4].isEmpty,
      let own = Self.number(lines[1], "own "), let blas = Self.number(lines[2], "blas ")
    else { return nil }
    switch lines[3] {
    case "choice blas": return ProductVerdict(shape, own: own, blas: blas, isBLAS: true)
    case "choice own": return ProductVerdict(shape, own: own, blas: blas, isBLAS: false)
    default: return nil
    }
  }

  private static func number(_ line: String, _ word: String) -> Double? {
    guard line.utf8.starts(with: word.utf8),
      let value = Double(String(Substring(line.utf8.dropFirst(word.utf8.count)))),
      value.isFinite, value >= 0
    else { return nil }
    return value
  }
}
