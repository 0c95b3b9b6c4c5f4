import ArgumentParser
import Collective
import Files
import Recur

/// Which other libraries are timed beside the program, and how.
struct PeerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also time these libraries, in turns, on the same cores.", valueName: "torch|jax|onnx,…"))
  var compare: PeerLibraries?
  @Option(help: ArgumentHelp("The Python that has them.", valueName: "program"))
  var python = "python3"

  /// How often they take turns.
  static let rounds = 5

  var libraries: [PeerLibrary] { compare?.all ?? [] }

  func validate() throws {
    guard !python.isEmpty else { throw ValidationError("--python must name a program") }
  }

  /// Starts each library on a case.
  /// - Parameters:
  ///   - parameters: how many the network has.
  ///   - model: writes the network as ONNX to a path.
  func start(
    _ benchCase: BenchCase, _ task: BenchTask, threads: Int, parameters: Int,
    model: ((String) throws -> Void)?
  ) throws -> [PeerProcess] {
    let cores = Machine.allowedProcessors().prefix(threads)
    return try libraries.map { library in
      var folder: TemporaryFolder?
      var path: String?
      if library == .onnx, let model {
        folder = try TemporaryFolder()
        path = "\(folder!.path)/network.onnx"
        try model(path!)
      }
      defer { withExtendedLifetime(folder) {} }
      let peerCase = PeerCase(
        benchCase, library, task, threads: threads, cores: Array(cores), model: path)
      return try PeerProcess(peerCase, python: python, parameters: parameters)
    }
  }

  /// Takes turns until the time is over.
  /// - own: milliseconds of each step that the program takes in some time.
  /// - Returns: own milliseconds by round, and what the peers took.
  func measure(_ peers: [PeerProcess], seconds: Double, own: (_ seconds: Double) throws -> [Double]) throws
    -> (own: [[Double]], peers: [PeerResult])
  {
    let rounds = peers.isEmpty ? 1 : Self.rounds
    var (ours, theirs): ([[Double]], [[[Double]]]) = ([], peers.map { _ in [] })
    for _ in 0..<rounds {
      ours.append(try own(seconds / Double(rounds)))
      for (place, peer) in peers.enumerated() {
        theirs[place].append(try peer.measure(seconds: seconds / Double(rounds)))
      }
    }
    return (ours, zip(peers, theirs).map { PeerResult($0.name, own: ours, peers: $1) })
  }
}
