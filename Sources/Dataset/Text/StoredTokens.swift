import Diagnostics

/// Tokens of a packed text that stay in its files, and are read window by window: what does not fit into memory.
final class StoredTokens: Sendable {
  private let table: ShardTable
  private let numbers: PackedNumbers

  init(_ table: ShardTable, _ numbers: PackedNumbers) { (self.table, self.numbers) = (table, numbers) }

  /// What first could not be read, or is no token that is known.
  var failure: Failure? { table.failure }

  /// Writes the tokens of these places; what could not be read is token 0.
  func read(_ range: Range<Int>, into out: UnsafeMutablePointer<Int32>) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: range.count) { room in
      guard let base = room.baseAddress else { return }
      table.read(range, into: base)
      for index in 0..<range.count {
        do throws(Failure) {
          out[index] = try numbers.number(base[index], place: range.lowerBound + index, table)
        } catch {
          table.files.fail(error)
          out[index] = 0
        }
      }
    }
  }
}

/// What the numbers of a pack's tokens are in a vocabulary.
struct PackedNumbers: Sendable {
  let path: String
  /// The pack's tokens.
  let names: [String]
  /// For each of them its number in the vocabulary; -1 for none.
  private let map: [Int32]
  /// Tokens of the vocabulary.
  private let known: Int

  init(_ path: String, _ names: [String], _ vocabulary: Vocabulary) {
    (self.path, self.names, known) = (path, names, vocabulary.count)
    map = names.map { vocabulary.number($0) ?? -1 }
  }

  /// - packed: as it stands in the pack. place: where that is, from 0.
  @inline(__always)
  func number(_ packed: Double, place: Int, _ table: ShardTable) throws(Failure) -> Int32 {
    if packed >= 0, packed < Double(map.count), map[Int(packed)] >= 0 { return map[Int(packed)] }
    throw failure(packed, place, table)
  }

  @inline(never)
  private func failure(_ packed: Double, _ place: Int, _ table: ShardTable) -> Failure {
    if let failure = table.failure { return failure }
    guard let token = Int(exactly: packed), map.indices.contains(token) else {
      return .badData("\(table.location(row: place, column: 0)): is the number of no token")
    }
    return .badData(
      "\(path), token \(place + 1): \(quoted(names[token])) is not among the \(known) known tokens")
  }
}
