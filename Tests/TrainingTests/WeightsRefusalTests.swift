import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// What `train.init_from` can't be: one line that says why, and no run begins.
@Suite(.tags(.fast)) struct WeightsRefusalTests {
  /// A broken file, and a part of what is said about it.
  private static let broken: [(name: String, bytes: [UInt8], words: String)] = {
    let good = WeightFile.sample(prefix: "rnn.")
    func changed(_ change: (inout WeightFile) -> Void) -> [UInt8] {
      var file = good
      change(&file)
      return file.bytes()
    }
    func text(_ old: String, _ new: String) -> [UInt8] {
      good.bytes { $0.replacingOccurrences(of: old, with: new) }
    }
    return [
      ("empty", [], "too few for a safetensors file"),
      ("cut in the header", Array(good.bytes().prefix(40)), "it is cut short or no safetensors file"),
      ("cut in a tensor", good.bytes().dropLast(), "the file is incomplete or damaged"),
      ("longer", good.bytes() + [0], "the file is incomplete or damaged"),
      ("no JSON", good.bytes { "x" + $0.dropFirst() }, "the header does not begin with {"),
      ("half of JSON", good.bytes { $0.replacingOccurrences(of: "]}", with: "]") }, "JSON at byte"),
      ("a name twice", text("fc.bias", "fc.weight"), "occurs twice"),
      ("overlapping", text("[0,4]", "[4,8]"), "begins at byte"),
      ("a type that is none", text("\"F32\",\"shape\":[1,", "\"F31\",\"shape\":[1,"), "which is not known"),
      ("a shape of another size", text("[20, 2]", "[20, 3]"), "takes 240 bytes, but its range has 160"),
      ("a shape beyond all memory", text("[20, 2]", "[9223372036854775807, 4]"), "is too large"),
      (
        "whole numbers",
        changed {
          $0.tensors[0] = ("fc.bias", "I32", [1], [0, 0, 0, 0])
        }, "tensor fc.bias has type I32; weights are F16, BF16, F32 or F64"
      ),
      (
        "NaN", changed { $0.tensors[0].bytes = [0, 0, 0xC0, 0x7F] },
        "tensor fc.bias holds nan at element 0; weights must be finite float32 numbers"
      ),
      (
        "more than float32 holds",
        changed {
          var other = WeightFile()
          other.add("fc.bias", "F64", [1], [(1e300).bitPattern])
          $0.tensors[0] = other.tensors[0]
        }, "tensor fc.bias holds 1e+300 at element 0"
      ),
      (
        "another shape",
        changed {
          var other = WeightFile()
          other.add("fc.weight", [5], [1, 2, 3, 4, 5])
          $0.tensors[1] = other.tensors[0]
        }, "tensor fc.weight has shape [5], fc.weight of this network [1, 5]"
      ),
      ("pickled", [0x80, 2, 0x8A, 10] + [UInt8](repeating: 0, count: 60), "it is pickled (torch.save)"),
      (
        "pickled in an archive",
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("net/data.pkl".utf8)
          + [UInt8](repeating: 0, count: 60), "torch.load(sys.argv[1], weights_only=True)"
      ),
      (
        "an archive of NumPy",
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("fc.bias.npy".utf8)
          + [UInt8](repeating: 0, count: 60), "it is an archive of NumPy"
      ),
    ]
  }()

  @Test(arguments: broken.indices) func `a broken file is one line`(_ index: Int) throws {
    let (name, bytes, words) = Self.broken[index]
    let run = try TemporaryRun()
    let path = run.path + "/net.safetensors"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    do {
      let recipe = try run.recipe("train.init_from=\(path)")
      #expect {
        try run.train(recipe, out: "run")
      } throws: {
        guard let failure = $0 as? Failure else { return false }
        return failure.kind == .badData && failure.message.hasPrefix(path) && failure.message.contains(words)
          && !failure.message.contains("\n")
      }
      #expect(!FileManager.default.fileExists(atPath: run.path + "/run"), "\(name)")
    }
  }

  private static let settings: [(settings: [String], words: String)] = [
    (["train.init_map=[lstm.=rnn.]"], "begins with lstm."),
    (["train.init_map=[fc.bias=fc.weight]"], "would both be fc.weight"),
    (["train.allow_missing=[embedding.*]"], "train.allow_missing: embedding.* fits no parameter"),
    (["train.freeze=[lstm.*]"], "train.freeze: lstm.* fits no parameter"),
    (["train.freeze=[rnn.*, 'fc*']"], "nothing is left to train"),
  ]

  @Test(arguments: settings.indices) func `a setting that fits nothing is one line`(_ index: Int) throws {
    let (settings, words) = Self.settings[index]
    let run = try TemporaryRun()
    try WeightFile.sample(prefix: "rnn.").write(run.path + "/net.safetensors")
    let plain = try run.recipe("train.init_from=\(run.path)/net.safetensors")
    let recipe = try Recipe(
      yaml: plain.effectiveYAML, path: "series.yaml", baseDirectory: run.path, overrides: settings)
    #expect {
      try run.train(recipe, out: "run")
    } throws: {
      ($0 as? Failure)?.kind == .badData && "\($0)".contains(words)
    }
    #expect(!FileManager.default.fileExists(atPath: run.path + "/run"))
  }

  @Test func `a checkpoint whose bytes changed is not taken`() throws {
    let run = try TemporaryRun()
    let report = try run.train(run.recipe(), out: "source")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: report.checkpoint))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: run.path + "/spoilt.safetensors"))
    let recipe = try run.recipe("train.init_from=\(run.path)/spoilt.safetensors")
    #expect {
      try run.train(recipe, out: "run")
    } throws: {
      "\($0)".contains("does not match its checksum")
    }
  }

  @Test(arguments: [
    ("rnn.*", "rnn.weight_ih_l0", true), ("rnn.*", "fc.weight", false), ("*", "", true), ("", "", true),
    ("*bias*", "rnn.bias_ih_l0", true), ("*_l0", "rnn.bias_ih_l0_reverse", false), ("a?c", "abc", true),
    ("a?c", "ac", false), ("*a*b", "xaxbxb", true), ("*a*b", "xaxbxc", false), ("fc", "fc.", false),
  ]) func `a pattern fits as in a shell`(pattern: String, name: String, fits: Bool) {
    #expect(NamePattern(pattern).matches(name) == fits)
  }
}
