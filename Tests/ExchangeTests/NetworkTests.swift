import Dataset
import Diagnostics
import Exchange
import Foundation
import Recurrent
import TestSupport
import Testing

/// An exported network is ONNX, and gives what the library gives.
@Suite(.tags(.fast)) struct NetworkTests {
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

  @Test func `scales that float32 does not hold, and those of other columns, are refused`() throws {
    var given = NetworkCase(name: "scales", network: NetworkGrid.network(.lstm))
    var random = SplitMix(state: 5)
    let model = try given.model(&random)
    let good = Scaler.ColumnScale(offset: 1, scale: 2)
    let features: [([Scaler.ColumnScale], String)] = [
      (
        [good, Scaler.ColumnScale(offset: 0, scale: 1e-300)],
        "the scale of feature 1 is none that float32 holds"
      ),
      (
        [good, Scaler.ColumnScale(offset: 1e60, scale: 1)],
        "the scale of feature 1 is none that float32 holds"
      ),
      ([good, good, good, good], "the scaler has 4 features, the network 3"),
    ]
    for (columns, text) in features {
      given.interface.scaler = Scaler(method: .standard, features: columns, targets: [])
      let failure = try #require(throws: Failure.self) { try given.bytes(model) }
      #expect(failure.kind == .badData && failure.message.hasPrefix(text), "\(failure)")
    }
    given.interface.scaler = Scaler(method: .standard, features: [good, good, good], targets: [])
    #expect(try given.bytes(model).count > 1000)
  }

  @Test func `what is asked for first is the first output`() throws {
    let stream = try #require(NetworkGrid.tokens.first { $0.interface.carriesStates })
    var random = SplitMix(state: 5)
    let bytes = Data(try stream.bytes(stream.model(&random)))
    // A name is field 1 of what it names, with its length in front; outputs stand after all else.
    let places = ["output", "hn_l0"].map { name in
      bytes.range(of: Data([10, UInt8(name.utf8.count)] + Array(name.utf8)), options: .backwards)!.lowerBound
    }
    #expect(places[0] < places[1])
  }

  @Test func `the same network gives the same bytes`() throws {
    for given in NetworkGrid.options.prefix(20) {
      var random = SplitMix(state: 5)
      let model = try given.model(&random)
      #expect(try given.bytes(model) == given.bytes(model), "\(given.name)")
    }
  }
}
