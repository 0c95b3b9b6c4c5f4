import Diagnostics
import Files

/// The machines of a job: one a line, `name slots=4`, as mpirun reads them. `#` starts a comment.
package struct Hostfile: Equatable, Sendable {
  package struct Host: Equatable, Sendable {
    package var name: String
    package var slots: Int
  }

  /// More on one machine is a mistake.
  private static let mostSlots = 1 << 20

  package var hosts: [Host]
  package var slots: Int { hosts.reduce(0) { $0 + $1.slots } }

  package init(path: String) throws {
    let lines = try InputFile.lines(of: path, key: "--hostfile", allowsStream: true, limit: 1 << 24)
    hosts = try lines.enumerated().compactMap { try Self.host($0.element, "\(path):\($0.offset + 1)") }
    guard !hosts.isEmpty else {
      throw Failure.badData("\(path): names no host; write lines such as `node-a slots=4`")
    }
  }

  private static func host(_ line: String, _ place: String) throws -> Host? {
    let words = line.utf8.prefix { $0 != UInt8(ascii: "#") }.split {
      " \t".utf8.contains($0)
    }
    guard let first = words.first else { return nil }
    guard HostName.isValid(first) else {
      throw Failure.badData(
        "\(place): `\(String(decoding: first, as: UTF8.self))` can't be the name of a machine; a name has letters, digits, `.`, `-` and `_`, at most"
          + " \(HostName.longest), begins with a letter, a digit or `_`, or is an IPv6 address, perhaps after `user@`"
      )
    }
    let name = String(decoding: first, as: UTF8.self)
    var host = Host(name: name, slots: 1)
    for word in words.dropFirst() {
      let pair = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let count = pair.count == 2 ? decimal(pair[1], in: 1...mostSlots) : nil
      switch (String(decoding: pair[0], as: UTF8.self), count) {
      case ("slots", let slots?): host.slots = slots
      case ("max-slots", _?), ("max_slots", _?): break
      default:
        throw Failure.badData(
          "\(place): `\(String(decoding: word, as: UTF8.self))` is not understood; write `\(name) slots=N` with N from 1 to \(mostSlots)"
        )
      }
    }
    return host
  }

  /// As mpirun reads it.
  package var text: String { hosts.map { "\($0.name) slots=\($0.slots)\n" }.joined() }

  package func without(_ names: [String]) -> Hostfile {
    var result = self
    result.hosts = hosts.filter { !names.contains($0.name) }
    return result
  }
}
