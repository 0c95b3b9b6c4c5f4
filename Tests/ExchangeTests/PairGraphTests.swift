import Foundation
import TestSupport
import Testing

/// An exported encoder-decoder of tokens: two graphs, between which a search stands.
@Suite(.tags(.fast)) struct PairGraphTests {
  /// - meanwhile: what is done to the files before they are looked at.
  private func checked(_ cases: [PairCase], _ meanwhile: (URL) throws -> Void = { _ in }) throws -> (
    Outcome, [PairCase.Record]
  ) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let records = try cases.enumerated().map { try $1.write(to: folder, number: $0) }
    try JSONEncoder().encode(records).write(to: folder.appendingPathComponent("cases.json"))
    try meanwhile(folder)
    return (try TestONNX.check(folder, by: "onnx_pairs.py"), records)
  }

  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `ONNX Runtime gives the library's outputs at each step, and a search finds what the library's does`()
    throws
  {
    let cases = PairCase.all
    let (outcome, records) = try checked(cases)
    #expect(outcome.status == 0, "\(outcome.output.suffix(3000))\(outcome.errors.suffix(3000))")
    #expect(outcome.output.hasSuffix("\(cases.count) pairs agree\n"), "\(outcome.output.suffix(3000))")
    #expect(cases.count == 48)
    // Searches that are no constant.
    #expect(records.count { Set($0.found).count > 1 } > 30)
  }

  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `a network that gives something else is found`() throws {
    // Both with one layer and attention, so that the names are the same.
    let cases = PairCase.all.filter { $0.name.hasPrefix("pairs: lstm tanh dot 1") }
    #expect(cases.count == 2)
    let (outcome, _) = try checked([cases[0], cases[0]]) { folder in
      let files = [0, 1].map { folder.appendingPathComponent("\($0)-decoder.onnx") }
      try Data(contentsOf: files[0]).write(to: files[1])
    }
    #expect(outcome.status == 1 && outcome.errors == "1 of 2 pairs differ\n", "\(outcome.errors)")
  }
}
