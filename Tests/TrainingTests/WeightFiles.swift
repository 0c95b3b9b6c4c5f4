import Foundation
import TestSupport
import Training

/// A safetensors file as other programs write it: tensors in any order and of any type, metadata or none.
struct WeightFile {
  var tensors: [(name: String, type: String, shape: [Int], bytes: [UInt8])] = []

  mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    add(name, "F32", shape, values.map(\.bitPattern))
  }

  mutating func add<Bits: FixedWidthInteger>(_ name: String, _ type: String, _ shape: [Int], _ values: [Bits])
  {
    tensors.append((name, type, shape, values.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }))
  }

  /// - header: changes the JSON text.
  func bytes(_ header: (String) -> String = { $0 }) -> [UInt8] {
    var start = 0
    let entries = tensors.map { tensor in
      defer { start += tensor.bytes.count }
      return
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(start),\(start + tensor.bytes.count)]}"
    }
    let text = Array(header("{\(entries.joined(separator: ","))}").utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text + tensors.flatMap(\.bytes)
  }

  func write(_ path: String) throws { try Data(bytes()).write(to: URL(fileURLWithPath: path)) }

  /// The network of `TemporaryRun`, LSTM of 5 and one linear layer, under other programs' names.
  static func sample(prefix: String = "lstm.", head: String = "fc.") -> WeightFile {
    var file = WeightFile()
    for (place, (name, shape)) in [
      (head + "bias", [1]), (head + "weight", [1, 5]), (prefix + "bias_hh_l0", [20]),
      (prefix + "bias_ih_l0", [20]), (prefix + "weight_hh_l0", [20, 5]), (prefix + "weight_ih_l0", [20, 2]),
    ].enumerated() {
      file.add(name, shape, Reference.wave(shape.reduce(1, *), phase: Double(place)).map { $0 / 2 })
    }
    return file
  }

  /// In the layout of that network.
  var parameters: [Float] {
    [5, 4, 3, 2, 1, 0].flatMap { place in
      let bytes = tensors[place].bytes
      return stride(from: 0, to: bytes.count, by: 4).map { at in
        Float(bitPattern: bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
      }
    }
  }
}
