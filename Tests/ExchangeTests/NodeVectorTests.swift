import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

/// ONNX's own vectors of its recurrent operators: each computed by the library.
@Suite(.tags(.fast), .enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
struct NodeVectorTests {
  /// Those that the package had in 2020 too; it may have more.
  private static let known = [
    "test_lstm_defaults", "test_lstm_with_initial_bias", "test_lstm_with_peepholes", "test_lstm_batchwise",
    "test_gru_defaults", "test_gru_with_initial_bias", "test_gru_seq_length", "test_gru_batchwise",
    "test_simple_rnn_defaults", "test_simple_rnn_with_initial_bias", "test_rnn_seq_length",
    "test_simple_rnn_batchwise",
  ]

  private func vectors() throws -> [NodeVector] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try TestONNX.writeVectors(to: folder)
    #expect(outcome.status == 0, "\(outcome.errors.suffix(2000))")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .sorted { $0.path < $1.path }.map { try NodeVector($0) }
  }

  private func distance(_ found: [Float], _ known: [Float]) -> Float {
    found.count == known.count ? zip(found, known).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  @Test func `each gives what ONNX says`() throws {
    let vectors = try vectors()
    #expect(Set(vectors.map(\.name)).isSuperset(of: Self.known))
    for vector in vectors {
      let node = try #require(NodeNetwork(vector), "\(vector.name)")
      let expected = node.expected
      #expect(expected.contains { $0 != nil }, "\(vector.name)")
      for kernels in KernelSet.available {
        for (found, known) in zip(try node.run(kernels), expected) {
          guard let known else { continue }
          #expect(distance(found, known) <= 1e-5, "\(vector.name), \(kernels.name)")
        }
      }
    }
  }

  @Test func `with the other reset gate, or without peepholes, they give something else`() throws {
    let vectors = try vectors().filter {
      ["test_gru_seq_length", "test_lstm_with_peepholes"].contains($0.name)
    }
    #expect(vectors.count == 2)
    for vector in vectors {
      let node = try #require(NodeNetwork(vector))
      let found = try node.run(.preferred) {
        ($0.resetAfter, $0.peepholes) = (true, false)
      }
      let distances = zip(found, node.expected).compactMap { found, known in
        known.map { distance(found, $0) }
      }
      #expect(distances.contains { $0 > 1e-3 }, "\(vector.name)")
    }
  }
}
