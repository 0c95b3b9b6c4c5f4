/// The one error type a person ever sees: a line that says what is wrong, where, and what to do about it.
///
/// Everything that can go wrong because of the outside world (files, flags, peers, devices) is thrown as a `Failure`.
/// Broken invariants inside the program trap instead; there is no third kind.
public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
  /// Why the program stops. The raw value is its exit code, following sysexits(3).
  public enum Kind: Int32, Sendable {
    /// The command line is wrong.
    case usage = 64
    /// A recipe, a data file or a checkpoint holds something that can't be used.
    case badData = 65
    /// A file that was named does not exist or can't be opened.
    case missingInput = 66
    /// A device, a library or an amount of memory that was asked for is not there.
    case unavailable = 69
    /// The program is wrong.
    case internalError = 70
    /// Writing or reading failed: disk full, permission, I/O error.
    case inputOutput = 74
    /// Stopped from outside, or a peer was lost: trying again makes sense.
    case retry = 75
    /// Who read what a filter prints wants no more. Nothing is said; the code is the one a shell shows for SIGPIPE.
    case readerGone = 141
  }

  public let kind: Kind
  /// One line: what, where (file, line, column, key), what to do.
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = Failure.line(message)
  }

  public var description: String { message }

  public static func usage(_ message: String) -> Failure { Failure(.usage, message) }
  public static func badData(_ message: String) -> Failure { Failure(.badData, message) }
  public static func missingInput(_ message: String) -> Failure { Failure(.missingInput, message) }
  public static func inputOutput(_ message: String) -> Failure { Failure(.inputOutput, message) }
}

extension Failure {
  /// A longer message loses its middle.
  private static let longest = 1000

  /// Messages quote what stands in files: whatever that is, they stay a line that a terminal can show.
  private static func line(_ text: String) -> String {
    let line = text.shown
    let bytes = line.utf8
    guard bytes.count > longest else { return line }
    let (start, end) = (bytes.prefix(longest * 7 / 10), bytes.suffix(longest / 4))
    return String(decoding: start, as: UTF8.self) + " … " + String(decoding: end, as: UTF8.self)
  }
}
