import Exchange
import Foundation
import Recurrent
import TestSupport
import Testing

/// An exported network is ONNX, and gives what the library gives.
@Suite struct NetworkTests {
  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `ONNX Runtime gives the library's outputs, for each network and option`() throws {
    let cases = NetworkGrid.all
    let outcome = try checked(cases) { _ in }
    #expect(outcome.status == 0, "\(outcome.output.suffix(3000))\(outcome.errors.suffix(3000))")
    #expect(outcome.output.hasSuffix("\(cases.count) networks agree\n"), "\(outcome.output.suffix(3000))")
    #expect(cases.count > 500)
  }

  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `a network that gives something else is found`() throws {
    let outcome = try checked(Array(NetworkGrid.choices.prefix(3))) { folder in
      let files = [0, 2].map { folder.appendingPathComponent("\($0).onnx") }
      try Data(contentsOf: files[0]).write(to: files[1])
    }
    #expect(outcome.status == 1 && outcome.errors == "1 of 3 networks differ\n", "\(outcome.errors)")
  }

  /// - meanwhile: what is done to the files before they are looked at.
  private func checked(_ cases: [NetworkCase], _ meanwhile: (URL) throws -> Void) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let records = try cases.enumerated().map { try $1.write(to: folder, number: $0) }
    try JSONEncoder().encode(records).write(to: folder.appendingPathComponent("cases.json"))
    try meanwhile(folder)
    return try TestONNX.check(folder)
  }

  @Test func `the same network gives the same bytes`() throws {
    for given in NetworkGrid.options.prefix(20) {
      var random = SplitMix(state: 5)
      let model = try given.model(&random)
      #expect(try given.bytes(model) == given.bytes(model), "\(given.name)")
    }
  }
}
