import Collective
import Diagnostics
import Files
import FoundationEssentials
import Kernels
import Recurrent

/// What a BLAS computes of a model's products: decided by rank 0 for all ranks, so that a run can go on as it began.
public struct ProductAgreement: Sendable {
  /// Of rank 0.
  public let verdicts: [ProductVerdict]
  public let choices: ProductChoices?
  /// Lines a person should see; on rank 0.
  public let notes: [String]

  /// Decides and lets the model compute so. All ranks call it, before their first step.
  /// - rows: of a rank's batch, all steps of all sequences; sequences: of a rank's batch.
  /// - mode: nil for what the environment says.
  /// - files: where measurements are kept from run to run; nil for the user's cache folder.
  /// - Throws: on all ranks alike: a variable that is not understood, a BLAS that was asked for and is not there.
  package init(
    _ model: Model, rows: Int, sequences: Int, _ group: any Communicator, mode: ProductMode? = nil,
    files: CacheFolder? = nil
  ) throws {
    let outcome = try group.together { () throws -> ProductChooser.Outcome in
      let mode = try mode ?? .fromEnvironment()
      guard group.rank == 0 else { return ProductChooser.Outcome() }
      return try ProductChooser(memory: .init(files ?? CacheFolder()), machine: ProcessorWords.all)
        .choose(model.products, mode, rows: rows, sequences: sequences)
    }
    let problem = outcome.problem.map { "\($0); own kernels compute all products" }
    verdicts = outcome.verdicts
    (choices, notes) = try Self.agree(
      model, outcome.choices, outcome.library, problem.map { [$0] } ?? [], group)
  }

  /// Goes on as a checkpoint's run computed: with its library where this machine has it, else with own kernels.
  package init(
    resuming saved: ProductChoices?, _ model: Model, _ group: any Communicator, mode: ProductMode? = nil
  ) throws {
    verdicts = []
    let wanted = try group.together { () throws -> (ProductChoices?, BLASLibrary?, [String]) in
      let mode = try mode ?? .fromEnvironment()
      guard group.rank == 0 else { return (nil, nil, []) }
      return try Self.resume(saved, model, mode)
    }
    (choices, notes) = try Self.agree(model, wanted.0, wanted.1, wanted.2, group)
  }

  private static func resume(_ saved: ProductChoices?, _ model: Model, _ mode: ProductMode) throws -> (
    ProductChoices?, BLASLibrary?, [String]
  ) {
    let change = "its bits will not be those of an unbroken run"
    guard let saved else {
      guard mode == .blas else { return (nil, nil, []) }
      let outcome = try ProductChooser(memory: .none, machine: "").choose(
        model.products, mode, rows: 1, sequences: 1)
      return (
        outcome.choices, outcome.library,
        ["the checkpoint was made with own products, and RECUR_PRODUCTS=blas takes a BLAS: \(change)"]
      )
    }
    guard mode != .own, !model.kernels.isBF16 else {
      return (
        nil, nil,
        [
          "the checkpoint's products are those of \(saved.library), and RECUR_PRODUCTS takes own ones: \(change)"
        ]
      )
    }
    let finding = try BLASLibrary.preferred()
    guard let library = finding.library, Name(library.description) == Name(saved.library) else {
      let here = finding.library.map { "here is \($0.description)" } ?? finding.problem!
      return (
        nil, nil,
        [
          "the checkpoint's products are those of \(saved.library), and \(here): own kernels go on, \(change); name that library in RECUR_BLAS to go on with it"
        ]
      )
    }
    let threads = model.team.count
    let notes =
      threads == saved.threads
      ? []
      : [
        "the checkpoint's products were shared by \(saved.threads) threads, and \(threads) share them now: the bits of \(saved.library) may be others"
      ]
    return (saved, library, notes)
  }

  /// Rank 0's choice on every rank; none where a rank does not have that library.
  private static func agree(
    _ model: Model, _ own: ProductChoices?, _ library: BLASLibrary?, _ notes: [String],
    _ group: any Communicator
  ) throws -> (ProductChoices?, [String]) {
    let bytes = try group.broadcastBytes(own.map { Array(try JSON.encoder().encode($0)) } ?? [])
    guard !bytes.isEmpty else {
      model.useProducts(nil, of: nil)
      return (nil, notes)
    }
    let choices = try JSON.decoder().decode(ProductChoices.self, from: Data(bytes))
    let here = group.rank == 0 ? library : (try? BLASLibrary.preferred())?.library
    let isSame = here.map { Name($0.description) == Name(choices.library) } == true
    let all = try group.allGather([isSame ? 1 : 0])
    guard let other = all.firstIndex(where: { $0 != [1] }) else {
      model.useProducts(choices, of: here)
      return (choices, notes)
    }
    model.useProducts(nil, of: nil)
    return (
      nil, notes + ["rank \(other) has no \(choices.library): own kernels compute all products of all ranks"]
    )
  }
}

extension ProductChooser.Store {
  fileprivate init(_ files: CacheFolder) {
    self.init(read: { files.read($0) }, write: { files.write($0, as: $1) })
  }
}

/// What tells one processor from another.
private enum ProcessorWords {
  static let all: String = {
    let keys = [
      "vendor_id", "cpu family", "model", "model name", "stepping", "cache size", "CPU implementer",
      "CPU architecture", "CPU variant", "CPU part", "CPU revision",
    ]
    let first = Machine.lines("/proc/cpuinfo").prefix { !$0.isEmpty }
    return first.compactMap { line in
      let parts = line.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1).map {
        Substring($0).trimmed
      }
      return parts.count == 2 && keys.contains { $0.hasSameBytes(as: parts[0]) } ? parts[1] : nil
    }.joined(separator: " ")
  }()
}

extension Substring {
  /// Without blanks and tabs at its ends.
  fileprivate var trimmed: String {
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return String(
      decoding: utf8.drop(while: isBlank).reversed().drop(while: isBlank).reversed(), as: UTF8.self)
  }
}
