import Diagnostics
import Foundation
import TestSupport

/// One reader under attack.
struct Fuzzing {
  private let reader: any FuzzedReader
  private let watch: Watch
  private var mutator: Mutator
  /// Inputs to change: the seeds, then those whose outcome was new.
  private var pool: [[UInt8]]
  private let seeds: Int
  private var outcomes: Set<Int> = []
  private(set) var count = 0
  private var accepted = 0

  private static let poolLimit = 512
  /// Longer inputs are tried, but not changed further.
  private static let keepLimit = 4096

  init(_ reader: any FuzzedReader, seed: UInt64, save: String) {
    self.reader = reader
    mutator = Mutator(seed: seed, words: reader.words)
    pool = reader.seeds
    seeds = pool.count
    watch = Watch(reader: type(of: reader).name, folder: save)
  }

  var summary: String {
    "\(type(of: reader).name): \(count) executions, \(accepted) accepted, \(outcomes.count) outcomes"
  }

  mutating func run(once input: [UInt8]) throws { _ = try execute(input) }

  mutating func run(_ executions: Int, until end: Date, bounded: Bool) throws {
    for seed in pool { _ = try execute(seed) }
    guard 2 * accepted >= seeds else {
      throw ExitFailure("most seeds of \(type(of: reader).name) are refused")
    }
    if bounded { watch.limit(memory: type(of: reader).memory) }
    var held: Int?
    while count < executions {
      if count % 64 == 0, Date() > end { break }
      let (base, other) = (pick(), pick())
      let input = mutator.mutated(base, other: other)
      if try execute(input) { keep(input) }
      // From here on the pool is full: what grows is lost.
      if count == 20_000 { held = Watch.memory.resident }
    }
    if bounded, let held, Watch.memory.resident - held > type(of: reader).memory / 4 {
      throw ExitFailure("\(type(of: reader).name) has kept \((Watch.memory.resident - held) >> 20) MiB")
    }
  }

  /// Seeds as often as what came from them.
  private mutating func pick() -> [UInt8] {
    let count = Bool.random(using: &mutator.random) ? seeds : pool.count
    return pool[Int.random(in: 0..<count, using: &mutator.random)]
  }

  private mutating func keep(_ input: [UInt8]) {
    guard input.count <= Self.keepLimit else { return }
    if pool.count < Self.poolLimit { return pool.append(input) }
    pool[Int.random(in: seeds..<pool.count, using: &mutator.random)] = input
  }

  /// - Returns: whether the outcome was new.
  private mutating func execute(_ input: [UInt8]) throws -> Bool {
    watch.begin(input)
    defer { watch.end() }
    count += 1
    let outcome: Int
    do {
      outcome = try reader.read(input)
      accepted += 1
    } catch let failure as Failure {
      if let fault = Self.fault(failure) {
        throw found("\(fault): \(failure.kind): \(failure.message)", input)
      }
      outcome = Self.kind(of: failure.message)
    } catch let broken as Broken {
      throw found(broken.what, input)
    } catch {
      throw found("threw what is no Failure: \(error)", input)
    }
    return outcomes.count < 1 << 16 && outcomes.insert(outcome).inserted
  }

  private func found(_ what: String, _ input: [UInt8]) -> ExitFailure {
    watch.save(input)
    return ExitFailure("\(what)\n\(watch.advice)")
  }

  /// What is wrong with a message for a person.
  private static func fault(_ failure: Failure) -> String? {
    guard [.badData, .missingInput, .usage].contains(failure.kind) else { return "not a code for bad input" }
    let isPlain = failure.message.utf8.allSatisfy { (32..<127).contains($0) }
    if !isPlain, failure.message.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    {
      return "not one line of plain text"
    }
    return failure.message.utf8.count > 1000 ? "\(failure.message.utf8.count) bytes long" : nil
  }

  /// The first words of the message outside of quotation marks: what it complains about.
  private static func kind(of message: String) -> Int {
    var (hash, length, words) = (17, 0, 0)
    var isQuoted = false
    for byte in message.utf8 where words < 12 {
      if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      let isLetter = (97...122).contains(byte)
      if isLetter, !isQuoted { hash = hash &* 31 &+ Int(byte) }
      if !isLetter, length > 3 { words += 1 }
      length = isLetter ? length + 1 : 0
    }
    return hash
  }
}

struct ExitFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
