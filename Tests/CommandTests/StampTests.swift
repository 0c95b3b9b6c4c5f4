import Foundation
import TestSupport
import Testing

/// Which sources a program says that it is of.
@Suite(.tags(.mpi)) struct StampTests {
  /// A copy outside of the clone, which knows nothing of it.
  private func copy(_ folder: Folder) throws -> String {
    try FileManager.default.copyItem(atPath: Command.executable.path, toPath: folder.path("recur"))
    return folder.path("recur")
  }

  private func git(_ words: String..., in folder: String) throws -> String {
    let outcome = try run(
      "/usr/bin/env",
      ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=m"] + words
    )
    try #require(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func version(_ program: String) throws -> String {
    try run(program, ["--version"]).output
  }

  @Test func aCloneSaysTagCommitAndChanges() throws {
    let folder = try Folder()
    let program = try copy(folder)
    #expect(try version(program) == "recur 0.1.0\n")
    let clone = folder.path("clone")
    let release = clone + "/launch/release"
    try FileManager.default.createDirectory(atPath: release, withIntermediateDirectories: true)
    for file in ["launch/stamp", "launch/release/sources", ".gitattributes"] {
      try FileManager.default.copyItem(
        atPath: Command.repository.appendingPathComponent(file).path, toPath: "\(clone)/\(file)")
    }
    func stamped(_ place: String = clone) throws -> String {
      let outcome = try run("\(place)/launch/stamp", [program])
      try #require(outcome.status == 0, "\(outcome.errors)")
      return try version(program)
    }
    // Neither a clone nor an archive: no word of it.
    #expect(try stamped() == "recur 0.1.0\n")
    _ = try git("init", "-q", in: clone)
    _ = try git("add", "-A", in: clone)
    _ = try git("commit", "-qm", "one", in: clone)
    let commit = try git("rev-parse", "HEAD", in: clone).prefix(12)
    #expect(try stamped() == "recur 0.1.0 (commit \(commit))\n")
    _ = try git("tag", "v0.1.0-$(x)'", in: clone)
    #expect(try stamped() == "recur 0.1.0 (tag v0.1.0-x, commit \(commit))\n")
    try "changed\n".write(toFile: "\(clone)/.gitattributes", atomically: true, encoding: .utf8)
    #expect(try stamped() == "recur 0.1.0 (tag v0.1.0-x, commit \(commit), modified)\n")
    // A shorter one leaves nothing of the longer one.
    _ = try git("checkout", "-q", ".", in: clone)
    _ = try git("tag", "-d", "v0.1.0-$(x)'", in: clone)
    #expect(try stamped() == "recur 0.1.0 (commit \(commit))\n")
    // A tarball of the same commit.
    _ = try git("archive", "--format=tar", "-o", folder.path("a.tar"), "HEAD", in: clone)
    try FileManager.default.createDirectory(atPath: folder.path("archive"), withIntermediateDirectories: true)
    try #require(
      try run("/usr/bin/env", ["tar", "-xf", folder.path("a.tar"), "-C", folder.path("archive")]).status == 0)
    _ = try git("commit", "-q", "--allow-empty", "-m", "two", in: clone)
    #expect(try stamped(folder.path("archive")) == "recur 0.1.0 (commit \(commit))\n")
  }

  @Test func checkpointsAndExportsSayWhoWroteThem() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let version = try Command.run("--version").out.trimmingCharacters(in: .newlines)
    try #require(version.hasPrefix("recur 0.1.0"))
    #expect(try Command.run("train", "wave.yaml", "--out", "run", in: folder.url).status == 0)
    for (name, option) in [("m.safetensors", "--safetensors"), ("m.onnx", "--onnx"), ("m.npz", "--npz")] {
      #expect(try Command.run("export", "run", option, name, in: folder.url).status == 0)
      let bytes = try Data(contentsOf: folder.url.appendingPathComponent(name))
      // An array of texts is one of UTF-32.
      let words =
        name == "m.npz"
        ? Data(version.unicodeScalars.flatMap { [UInt8($0.value), 0, 0, 0] }) : Data(version.utf8)
      #expect(bytes.range(of: words) != nil, "\(name)")
    }
    let inspected = try Command.run("inspect", "run", "--json", in: folder.url).json()
    #expect((inspected["checkpoint"] as? [String: Any])?["program"] as? String == version)
  }
}
