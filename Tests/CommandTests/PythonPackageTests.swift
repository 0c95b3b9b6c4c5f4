import Foundation
import TestSupport
import Testing

/// `launch/python` as a wheel that pip makes and installs, with the program of this build in it: what `python_package.py` says of it.
@Suite(
  .tags(.mpi), .serialized,
  .enabled(
    if: python != nil, "needs Python with numpy, pandas and scikit-learn; name it in RECUR_TEST_PYTHON"))
struct PythonPackageTests {
  private static let wheel = Result { try Wheel() }

  @Test(arguments: ["train", "stop", "killed", "errors", "model"])
  func `the package does what its page says`(_ name: String) throws {
    let outcome = try Self.wheel.get().ask(name)
    #expect(outcome.status == 0 && outcome.output.hasSuffix("good\n"), "\(outcome.output)\(outcome.errors)")
  }

  @Test(.enabled(if: find("mpirun") != nil, "needs mpirun")) func ranksJoinUnderMPI() throws {
    let outcome = try Self.wheel.get().ask("ranks")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
  }

  /// All of scikit-learn's checks pass; they take a minute.
  @Test func estimatorsAreThoseOfScikitLearn() throws {
    let outcome = try Self.wheel.get().ask("estimators")
    #expect(outcome.status == 0 && outcome.output.hasSuffix("good\n"), "\(outcome.output)\(outcome.errors)")
  }

  @Test func aMissingProgramIsOneLine() throws {
    let outcome = try run(
      python!,
      ["-m", "pip", "wheel", "-q", "--no-deps", "-w", Self.wheel.get().folder.path("none"), Wheel.sources],
      environment: ["RECUR_PORTABLE": "/nowhere/recur"], limit: 120)
    #expect(outcome.status != 0)
    #expect(
      outcome.errors.contains(
        "recur: no portable program /nowhere/recur; make it by launch/portable, or name one in RECUR_PORTABLE"
      ),
      "\(outcome.errors)")
  }
}

private let python: String? = {
  guard let path = ProcessInfo.processInfo.environment["RECUR_TEST_PYTHON"],
    FileManager.default.isExecutableFile(atPath: path)
  else { return nil }
  return path
}()

/// A fresh environment with the wheel installed, and the other packages of `RECUR_TEST_PYTHON` in sight.
private final class Wheel: Sendable {
  static let sources = Command.repository.appendingPathComponent("launch/python").path
  nonisolated(unsafe) let folder: Folder
  private var interpreter: String { folder.path("env/bin/python") }

  init() throws {
    folder = try Folder()
    func done(_ program: String, _ words: String...) throws -> String {
      let outcome = try run(
        program, words, environment: ["RECUR_PORTABLE": Command.executable.path], limit: 300)
      guard outcome.status == 0 else { throw Failed(words: outcome.output + outcome.errors) }
      return outcome.output
    }
    _ = try done(python!, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder.path("dist"), Self.sources)
    let wheel = try FileManager.default.contentsOfDirectory(atPath: folder.path("dist"))
    guard wheel.count == 1, wheel[0].hasPrefix("recur-0.1.0"), wheel[0].contains("-py3-none-manylinux_")
    else {
      throw Failed(words: "\(wheel)")
    }
    _ = try done(python!, "-m", "venv", folder.path("env"))
    _ = try done(
      interpreter, "-m", "pip", "install", "-q", "--no-deps", "--no-index", folder.path("dist/\(wheel[0])"))
    let place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    func line(_ text: String) -> String { text.trimmingCharacters(in: .newlines) }
    let (there, here) = try (line(done(python!, "-c", place)), line(done(interpreter, "-c", place)))
    try "\(there)\n".write(toFile: "\(here)/others.pth", atomically: true, encoding: .utf8)
  }

  private struct Failed: Error { let words: String }

  /// A case of `python_package.py`, in a folder of its own.
  func ask(_ name: String) throws -> Outcome {
    let script = package.appendingPathComponent("Tests/Reference/python_package.py").path
    let place = folder.path(name)
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    return try run(
      "/usr/bin/env", ["-C", place, "-u", "RECUR", interpreter, "-W", "ignore", script, name], limit: 600)
  }
}
