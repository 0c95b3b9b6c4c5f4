import Diagnostics
import Foundation
import Training

/// Weights of another program, for `train.init_from`: a bias of the recurrent part where the network has it, and what nothing is
/// made of.
struct WeightsFile {
  static let name = "weights.safetensors"
  private let tensors: [(name: String, values: [Float])]

  init(_ recipe: Tree) {
    let widths = recipe["model.hidden_size"]
    let gates = ["rnn": 1, "lstm": 4, "gru": 3][recipe["model.cell"]?.text ?? ""] ?? 0
    let hidden = widths?.integer ?? widths?.list?.first?.integer ?? 0
    tensors = [("old.bias_hh_l0", gates * hidden), ("old.other", 2)].map { name, count in
      (name, (0..<max(1, count)).map { 0.1 * sin(Float($0)) })
    }
  }

  var bytes: [UInt8] {
    get throws {
      var header = SafetensorsHeader()
      for (name, values) in tensors { try header.add(name, [values.count]) }
      return try header.encoded() + tensors.flatMap { $0.values.withUnsafeBytes(Array.init) }
    }
  }
}
