import Collective
import Diagnostics
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Another library at work on a case, in a Python of its own. It takes steps only while it is asked to.
final class PeerProcess {
  /// The library and its version.
  private(set) var name = ""
  private let library: PeerLibrary
  private let child: ChildProcess
  /// Where it is asked, and where it answers.
  private let (questions, answers): (Int32, Int32)
  private var unread: [UInt8] = []

  /// Returns when the peer has taken its first steps.
  /// - python: a path, or a name that is searched in PATH.
  /// - parameters: how many the network has; the peer's must have as many.
  /// - Throws: `unavailable` where Python or the library is missing, or can't compute the case.
  init(_ peerCase: PeerCase, python: String, parameters: Int) throws {
    library = peerCase.library
    let (asking, answering) = try (Pipe(), Pipe())
    (questions, answers) = (asking.writing, answering.reading)
    let program = String(decoding: PackageResources.peer_py, as: UTF8.self)
    do {
      child = try ChildProcess(
        python, ["-c", program], input: asking.reading, output: answering.writing, orphaned: SIGKILL)
    } catch {
      for end in [asking.reading, answering.writing, questions, answers] { close(end) }
      throw error
    }
    // The peer's alone from now on: where it ends, reading ends.
    for end in [asking.reading, answering.writing] { close(end) }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    try ask(String(decoding: encoder.encode(peerCase), as: UTF8.self))
    let greeting = try answer()
    name = greeting.name ?? library.module
    if let others = greeting.parameters, others != parameters {
      throw Failure(.internalError, "\(name) has a network of \(others) parameters, not \(parameters)")
    }
  }

  deinit {
    close(questions)
    close(answers)
    child.send(SIGKILL)
    while child.ended() == nil { usleep(1000) }
  }

  /// Milliseconds of each step that it takes in this time; one at least.
  func measure(seconds: Double) throws -> [Double] {
    try ask("\(seconds)")
    guard let times = try answer().milliseconds, !times.isEmpty else { throw gone }
    return times
  }

  /// A line of the peer.
  private struct PeerAnswer: Decodable {
    var name: String?
    var parameters: Int?
    var milliseconds: [Double]?
    var failure: String?
  }

  private var gone: Failure { Failure(.unavailable, "--compare \(library.rawValue): Python ended early") }

  private func ask(_ line: String) throws {
    let bytes = Array("\(line)\n".utf8)
    guard write(questions, bytes, bytes.count) == bytes.count else { throw gone }
  }

  private func answer() throws -> PeerAnswer {
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        let line = unread[..<end]
        unread.removeSubrange(...end)
        guard let answer = try? JSONDecoder().decode(PeerAnswer.self, from: Data(line)) else { throw gone }
        if let failure = answer.failure {
          throw Failure(.unavailable, "--compare \(library.rawValue): \(failure)")
        }
        return answer
      }
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(answers, &piece, piece.count)
      if count > 0 { unread += piece[..<count] }
      if count == 0 || count < 0 && errno != EINTR { throw gone }
    }
  }
}
