import ArgumentParser
import Recur

/// Which processes a command works with.
struct GroupOptions: ParsableArguments {
  @Flag(help: "Work alone, whatever launcher started this process: each process is then a run of its own.")
  var solo = false

  /// The group of the launcher that started this process, or this process alone.
  func communicator() throws -> any Communicator { try ProcessGroup.fromEnvironment(solo: solo).communicator }
}
