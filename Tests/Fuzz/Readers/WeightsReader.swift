import Dataset
import Diagnostics
import Foundation
import Recurrent
import Training

/// Weights of another program, as `train.init_from` takes them: a file, or an index of a file beside it.
struct WeightsFuzz: FuzzedReader {
  static let name = "weights"
  private let scratch: Scratch
  private let layout: ParameterLayout
  private var recipe: Recipe

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    let run = try SmallRun(scratch)
    recipe = run.recipe
    recipe.train.allowMissing = ["*"]
    layout = ParameterLayout(try run.recipe.network(for: run.data.shape))
    try scratch.write("part.safetensors", Self.file("rnn.", "F32"))
  }

  /// A tensor of the recurrent part and the head's bias.
  private static func file(_ prefix: String, _ type: String) -> [UInt8] {
    let width = ["F16": 2, "BF16": 2, "F64": 8][type] ?? 4
    let header =
      "{\"\(prefix)bias_ih_l0\":{\"dtype\":\"\(type)\",\"shape\":[6],\"data_offsets\":[0,\(6 * width)]},"
      + "\"fc.bias\":{\"dtype\":\"\(type)\",\"shape\":[1],\"data_offsets\":[\(6 * width),\(7 * width)]}}"
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    return length + Array(header.utf8) + [UInt8](repeating: 0x3C, count: 7 * width)
  }

  var seeds: [[UInt8]] {
    let index = "{\"metadata\":{},\"weight_map\":{\"fc.bias\":\"part.safetensors\"}}"
    return [Self.file("rnn.", "F32"), Self.file("", "F16"), Self.file("rnn.", "F64"), Self.file("", "BF16")]
      + [Array(index.utf8)]
  }

  var words: [String] {
    SmallRun.words + [
      "BF16", "F64", "I64", "rnn.", "fc.weight", "rnn.weight_hh_l0", "\"weight_map\":", "part.safetensors",
      "../",
    ]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    let isIndex = bytes.first == UInt8(ascii: "{")
    var recipe = recipe
    recipe.train.initFrom = try scratch.write(isIndex ? "w.index.json" : "w.safetensors", bytes)
    guard let report = try recipe.checkedWeights(for: layout) else { throw Broken("no file was read") }
    try require(
      report.taken.count + report.missing.count == layout.entries.count,
      "a parameter is neither taken nor missing")
    return report.taken.count * 4 + report.converted.count
  }
}
