import Diagnostics

/// The program that runs a command on another machine: ssh, or what was given in its place.
package struct RemoteShell: Equatable, Sendable {
  /// The program and what always follows it.
  let words: [String]

  /// What mpirun takes when nobody names another, with options that never ask a person.
  static let ssh = RemoteShell(checked: ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"])

  private init(checked words: [String]) { self.words = words }

  /// - line: words as a shell writes them, with `'…'`, `"…"` and `\`; nothing in them is replaced or run. mpirun takes the line
  ///   apart at blanks and at `:` and knows no quotation marks: words that hold such bytes can't be given to it.
  package init(_ line: String) throws(Failure) {
    guard line.utf8.count <= 4096, line.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
      throw Failure.usage(
        "--agent: holds control characters, or is longer than 4096 bytes; name a program such as ssh")
    }
    guard let words = ShellWords.split(line) else {
      throw Failure.usage("--agent: a quotation mark or a backslash is left open in: \(line)")
    }
    guard let program = words.first, !program.isEmpty else {
      throw Failure.usage("--agent is empty; name a program such as ssh, or leave --agent out")
    }
    guard program.utf8.first != UInt8(ascii: "-") else {
      throw Failure.usage("--agent: \(program) is an option; name a program first, such as ssh \(program)")
    }
    let unfit = words.first { $0.isEmpty || !$0.utf8.allSatisfy { Self.survives($0) } }
    if let unfit {
      throw Failure.usage(
        "--agent: mpirun can't be given the word \(ShellWords.quoted([unfit])): it takes an agent apart at blanks and"
          + " colons and knows no quotation marks; write the command into a script, and name that")
    }
    self.words = words
  }

  private static func survives(_ byte: UInt8) -> Bool {
    !" \t:'\"\\".utf8.contains(byte)
  }

  /// As mpirun wants it.
  var line: String { words.joined(separator: " ") }

  /// A command on a host. ssh is told where its options end; other programs may not know that, and host names are never options.
  func command(on host: String, _ command: [String]) -> [String] {
    let name = words[0].utf8.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? []
    return words + (name == Array("ssh".utf8) ? ["--"] : []) + [host] + command
  }
}
