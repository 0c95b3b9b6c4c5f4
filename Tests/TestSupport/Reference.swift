import Foundation
import Recurrent

/// The numbers in Tests/Reference, and the formulas its script uses for inputs and targets.
public enum Reference {
  /// One of the JSON files.
  public static func load<Value: Decodable>(_ name: String, as: Value.Type = Value.self) throws -> Value {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try Data(contentsOf: tests.appendingPathComponent("Reference/\(name)"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Value.self, from: data)
  }

  /// sin(1.3 k + phase) for k in 0..<count, in double and rounded to float.
  public static func wave(_ count: Int, phase: Double) -> [Float] {
    (0..<count).map { Float(sin(1.3 * Double($0) + phase)) }
  }

  /// (5 k + k²) mod width for k in 0..<rows; every third is `ignore` where that is given.
  public static func classes(_ rows: Int, width: Int, ignore: Int32?) -> [Int32] {
    (0..<rows).map { k in
      if let ignore, k % 3 == 1 { return ignore }
      return Int32((5 * k + k * k) % width)
    }
  }

  /// Float32 numbers as base64 of their little-endian bytes.
  public struct Floats: Decodable, Sendable {
    public let values: [Float]

    public init(from decoder: any Decoder) throws {
      let data = try decoder.singleValueContainer().decode(Data.self)
      values = stride(from: 0, to: data.count, by: 4).map { i in
        Float(bitPattern: data[i..<i + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
      }
    }
  }

  public struct NetworkDescription: Decodable, Sendable {
    let cell, nonlinearity, readout: String
    let input, hidden, layers, steps: Int
    let bidirectional, bias: Bool
    let head: [String]

    public var network: Network {
      var a = Network(
        Network.Cell(rawValue: cell)!, inputs: input, hidden: hidden, steps: steps,
        head: head.map(Self.headLayer))
      a.nonlinearity = Network.Nonlinearity(rawValue: nonlinearity)!
      a.layers = layers
      a.bidirectional = bidirectional
      a.bias = bias
      a.readout = Network.Readout(rawValue: readout)!
      return a
    }

    private static func headLayer(_ text: String) -> Network.HeadLayer {
      let words = text.split(separator: " ")
      switch words[0] {
      case "linear": return .linear(Int(words[1])!, bias: words.last != "no_bias")
      case "relu": return .relu
      case "tanh": return .tanh
      case "sigmoid": return .sigmoid
      default: preconditionFailure("unknown head layer \(text)")
      }
    }
  }

  public struct LossDescription: Decodable, Sendable {
    let name: String
    let delta, smoothing: Float?
    let ignoreIndex: Int32?
    let weights: [Float]?

    public static let mse = LossDescription(
      name: "mse", delta: nil, smoothing: nil, ignoreIndex: nil, weights: nil)

    public var loss: Loss {
      switch name {
      case "mse": return .mse
      case "mae": return .mae
      case "huber": return .huber(delta: delta!)
      case "bce_with_logits": return .bceWithLogits
      case "cross_entropy":
        return .crossEntropy(
          ignoreIndex: ignoreIndex ?? -100, classWeights: weights, labelSmoothing: smoothing ?? 0)
      default: preconditionFailure("unknown loss \(name)")
      }
    }

    /// The targets for outputs `[rows, width]`: values for the losses of numbers, classes for cross entropy.
    public func targets(rows: Int, width: Int, phase: Double) -> (values: [Float], classes: [Int32]) {
      let values = Reference.wave(rows * width, phase: phase + 0.5)
      return (
        name == "bce_with_logits" ? values.map { $0 * 0.5 + 0.5 } : values,
        Reference.classes(rows, width: width, ignore: ignoreIndex)
      )
    }
  }
}

extension Reference.NetworkDescription: CustomStringConvertible {
  public var description: String {
    "\(cell) \(nonlinearity) \(input)→\(hidden) ×\(layers)\(bidirectional ? " bidirectional" : "")"
      + "\(bias ? "" : " no bias"), T \(steps), \(readout), \(head)"
  }
}
