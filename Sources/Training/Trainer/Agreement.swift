import Collective
import Diagnostics

extension Communicator {
  /// Runs `body` on every rank, and throws on all of them where it threw on one: nobody is left waiting.
  func together<Result>(_ body: () throws -> Result) throws -> Result {
    guard size > 1 else { return try body() }
    var failure: Failure?
    var result: Result?
    do { result = try body() } catch {
      failure = error as? Failure ?? Failure(.internalError, "\(error)")
    }
    let own = failure.map { [UInt8]("\($0.kind.rawValue) \($0.message)".utf8) } ?? []
    let all = try allGather(own)
    if let failure { throw failure }
    if let other = all.firstIndex(where: { !$0.isEmpty }) {
      let words = String(decoding: all[other], as: UTF8.self).split(separator: " ", maxSplits: 1)
      let kind = Int32(words[0]).flatMap { Failure.Kind(rawValue: $0) } ?? .internalError
      throw Failure(kind, "rank \(other): \(words.dropFirst().joined())")
    }
    return result!
  }

  /// Throws on all ranks where they don't all say the same, naming those that differ from rank 0.
  /// - fix: what to do then.
  func requireEqual(_ text: @autoclosure () -> String, _ what: String, fix: String) throws {
    guard size > 1 else { return }
    let all = try allGather([UInt8](text().utf8))
    let others = all.indices.filter { all[$0] != all[0] }
    if !others.isEmpty {
      let ranks = (others.count == 1 ? "rank " : "ranks ") + others.map(String.init).joined(separator: ", ")
      throw Failure.badData("\(what) of \(ranks) is not that of rank 0; \(fix)")
    }
  }

  /// The machine of each rank.
  func hostNames() throws -> [String] {
    try allGather([UInt8](hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Rank 0's bytes on every rank.
  func broadcastBytes(_ bytes: [UInt8]) throws -> [UInt8] {
    guard size > 1 else { return bytes }
    return try allGather(rank == 0 ? bytes : [])[0]
  }
}
