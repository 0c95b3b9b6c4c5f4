import Collective
import Diagnostics
import Files

extension Communicator {
  /// Runs `body` on every rank, and throws on all of them where it threw on one: nobody is left waiting.
  package func together<Result>(_ body: () throws -> Result) throws -> Result {
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
  /// - difference: what is different in the first of them, from its text and rank 0's.
  func requireEqual(
    _ text: @autoclosure () -> String, _ what: String, fix: String,
    difference: (String, String) -> String? = { _, _ in nil }
  ) throws {
    guard size > 1 else { return }
    let all = try allGather([UInt8](text().utf8))
    let others = all.indices.filter { all[$0] != all[0] }
    guard let first = others.first else { return }
    let ranks = (others.count == 1 ? "rank " : "ranks ") + others.map(String.init).joined(separator: ", ")
    let detail = difference(
      String(decoding: all[first], as: UTF8.self), String(decoding: all[0], as: UTF8.self))
    throw Failure.badData(
      "\(what) of \(ranks) is not that of rank 0\(detail.map { " (\($0))" } ?? ""); \(fix)")
  }

  /// Throws on all ranks where they are not the same program with the same recipe: before anything is read, since what they
  /// read together depends on both.
  package func requireSameStart(_ recipe: Recipe) throws {
    try requireEqual(ProgramFile.hash, "the program", fix: "start the same build on all hosts")
    try requireEqual(recipe.effectiveYAML, "the recipe", fix: "give all ranks the same recipe and --set") {
      Recipe.firstDifference($0, $1)
    }
  }

  /// The machine of each rank.
  func hostNames() throws -> [String] {
    try allGather([UInt8](hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Rank 0's bytes on every rank.
  package func broadcastBytes(_ bytes: [UInt8]) throws -> [UInt8] {
    guard size > 1 else { return bytes }
    return try allGather(rank == 0 ? bytes : [])[0]
  }
}

/// Tells builds of this program apart; empty where its file can't be read.
private enum ProgramFile {
  static let hash = Machine.executablePath().flatMap { fileHash($0) } ?? ""
}

/// A hash of a file's bytes; nil where it can't be read.
///
/// It is read in pieces: a program of 70 MB as a whole took each rank longer than all else that it does before its first step, and ranks
/// that start at the same time more memory than their machine may have.
package func fileHash(_ path: String) -> String? {
  guard let file = try? InputFile(path: path, key: "the program", unpacks: false, holding: { _ in 0..<0 })
  else { return nil }
  let piece = 1 << 18
  var hashes: [UInt64] = []
  for start in stride(from: 0, to: file.size, by: piece) {
    let hash = try? file.withBytes(start..<min(start + piece, file.size)) { fastHash(.init($0)) }
    guard let hash else { return nil }
    hashes.append(hash)
  }
  return hashes.withUnsafeBytes { "\(fastHash($0))" }
}
