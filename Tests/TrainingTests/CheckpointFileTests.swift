import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

@Suite(.tags(.fast)) struct CheckpointFileTests {
  @Test func everythingComesBackWithTheSameBits() throws {
    let scratch = Scratch()
    let tensors = SampleTensors(scale: 1)
    tensors.add("scalar", [], 5)
    tensors.add("empty \"quoted\" ü\n", [0, 3], 1)
    var state = sampleState(step: 1234, loss: 0.1)
    state.epoch = 7
    state.position = 40
    state.recipe = "name: \"ü\\\"\n\ttab\u{1}: 𝄞\n"
    state.earlyStopping = .init(best: -0.0, wait: 2)
    state.epochLosses =
      [.nan, .infinity, -.infinity, 0.1, 3 * .leastNonzeroMagnitude, 5e300]
      + (0..<1000).map { _ in randomDouble() }
    state.scaler = JSONValue(encoding: ["minimum": [Float(0.1), 3.4e38], "maximum": [1, -0.0]])
    state.extra = [
      "seed": JSONValue(encoding: UInt64.max), "none": .null, "half": JSONValue(encoding: Int64.min),
    ]
    state.classNames = ["a", "b\r\n"]

    try CheckpointFile.write(state, tensors.tensors, to: scratch("a.safetensors"))
    let file = try CheckpointFile(reading: scratch("a.safetensors"))

    #expect(
      file.state.epochLosses.map(\.bitPattern).dropFirst() == state.epochLosses.map(\.bitPattern).dropFirst())
    #expect(file.state.epochLosses[0].isNaN)
    #expect(file.state.earlyStopping.best?.sign == .minus)
    var read = file.state
    read.epochLosses = state.epochLosses.map { $0.isNaN ? 0 : $0 }
    state.epochLosses = read.epochLosses
    #expect(read == state)
    #expect(try file.state.extra["seed"]?.decode(as: UInt64.self, in: "seed") == .max)
    let scaler = try file.state.scaler.decode(as: [String: [Float]].self, in: "scaler")
    #expect(scaler["minimum"] == [0.1, 3.4e38] && scaler["maximum"]?[1].sign == .minus)
    #expect(file.tensors.map(\.name) == tensors.tensors.map(\.name))
    for (read, written) in zip(file.tensors, tensors.tensors) {
      #expect(read.shape == written.shape && read.values == Array(written.values))
    }
    #expect(try file.tensor("fc.bias", shape: [3]).values.count == 3)
    #expect(throws: Failure.self) { try file.tensor("fc.bias", shape: [1, 3]) }
    #expect(throws: Failure.self) { try file.tensor("fc.weight", shape: [3]) }
  }

  private func randomDouble() -> Double {
    let value = Double(bitPattern: .random(in: .min ... .max))
    return value.isFinite ? value : 0
  }

  @Test func sameContentGivesTheSameFile() throws {
    let scratch = Scratch()
    let tensors = SampleTensors(scale: 1)
    for name in ["a", "b"] {
      try CheckpointFile.write(sampleState(step: 3), tensors.tensors, to: scratch(name))
    }
    #expect(FileManager.default.contentsEqual(atPath: scratch("a"), andPath: scratch("b")))
    let first = try CheckpointFile(reading: scratch("a"))
    try CheckpointFile.write(sampleState(step: 4), tensors.tensors, to: scratch("b"))
    #expect(try CheckpointFile(reading: scratch("b")).checksum != first.checksum)
  }

  @Test func parametersAreHashedAsLittleEndianBytes() {
    // sha256 of the bytes 00 00 80 3f 00 00 00 c0, by coreutils.
    let values: [Float] = [1, -2]
    let hash = values.withUnsafeBufferPointer(parametersSHA256)
    #expect(hash == "ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b")
  }

  @Test(arguments: [Float.nan, -.infinity, .infinity, -.nan])
  func valuesThatAreNotFiniteAreNotSaved(value: Float) throws {
    let scratch = Scratch()
    let tensors = SampleTensors(scale: 1)
    tensors[1, 2] = value
    let error = #expect(throws: Failure.self) {
      try CheckpointFile.write(sampleState(step: 1), tensors.tensors, to: scratch("a"))
    }
    #expect(
      error?.kind == .badData && error!.message.contains("fc.bias") && error!.message.contains("element 2"))
    #expect(!FileManager.default.fileExists(atPath: scratch("a")))
  }

  @Test func tensorsThatContradictThemselvesAreRefused() {
    let scratch = Scratch()
    let tensors = SampleTensors(scale: 1).tensors
    let wrong = NamedTensor(name: "x", shape: [4], values: tensors[1].values)
    let huge = NamedTensor(name: "x", shape: [1 << 40, 1 << 40], values: tensors[1].values)
    let negative = NamedTensor(name: "x", shape: [-1, -3], values: tensors[1].values)
    for bad in [[tensors[0], tensors[0]], [wrong], [huge], [negative]] {
      #expect(throws: Failure.self) { try CheckpointFile.write(sampleState(step: 1), bad, to: scratch("a")) }
    }
  }

  @Test func aModelIsExportedWithoutItsOptimizer() throws {
    let scratch = Scratch()
    try CheckpointFile.write(sampleState(step: 3), SampleTensors(scale: 1).tensors, to: scratch("a"))
    try CheckpointFile(reading: scratch("a")).exportModel(to: scratch("model.safetensors"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch("model.safetensors")))
    let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let header = try bytes.withUnsafeBytes {
      try SafetensorsHeader(parsing: .init(rebasing: $0[8..<8 + length]), payload: bytes.count - 8 - length)
    }
    #expect(header.tensors.map(\.name) == ["rnn.weight_ih_l0", "fc.bias"] && header.payload == 60)
    let values = bytes.suffix(12).withUnsafeBytes { raw in
      (0..<3).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    let expected: [Float] = [-1 / 7, -2 / 7, -3 / 7]
    #expect(values == expected)
  }

  @Test func missingAndStrangeFilesAreNamed() throws {
    let scratch = Scratch()
    let missing = #expect(throws: Failure.self) { try CheckpointFile(reading: scratch("none")) }
    #expect(missing?.kind == .missingInput && missing!.message.contains(scratch("none")))
    mkfifo(scratch("fifo"), 0o600)
    for path in [scratch("fifo"), scratch.path, "/dev/zero"] {
      let error = #expect(throws: Failure.self) { try CheckpointFile(reading: path) }
      #expect(error?.kind == .badData && error!.message.contains(path))
    }
  }
}
