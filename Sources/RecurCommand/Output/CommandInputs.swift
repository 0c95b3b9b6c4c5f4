import Files
import Recur

extension CheckpointedModel {
  /// The files that a command on this checkpoint reads, none of which may be its output.
  /// - argument: what the command was given: a checkpoint, or a run directory, whose own files then count.
  func files(_ argument: String, input: String? = nil) -> [String] {
    var files = [path] + recipe.data.files + (input.map { [$0] } ?? [])
    if let input, Paths.isFolder(input) { files += Paths.files(in: input) }
    return files + RunFiles.all(in: argument)
  }
}

/// The files that a run is made of.
enum RunFiles {
  private static let names = ["recipe.yaml", "metrics.jsonl", "bad-step.json", ".lock"]

  /// Whether a path is the run directory, or a name in it that the run itself may take.
  static func owns(_ path: String, in run: String) -> Bool {
    func place(_ path: String) -> Name {
      let folder = Paths.folder(of: path)
      return Name("\(Paths.real(folder) ?? Paths.absolute(folder))/\(Paths.name(of: path))")
    }
    let own = ["", "/checkpoints"].map { place(run + $0) } + names.map { place("\(run)/\($0)") }
    return own.contains(place(path)) || own[1] == place(Paths.folder(of: path))
  }

  /// - run: none where this is no folder.
  static func all(in run: String) -> [String] {
    let checkpoints = Paths.files(in: "\(run)/checkpoints").filter {
      let name = Paths.name(of: $0)
      // text: names of this program.
      return name.hasPrefix("step-") || name == "latest" || name == "best"
    }
    return names.map { "\(run)/\($0)" } + checkpoints
  }
}
