import ArgumentParser
import FoundationEssentials

/// Where a run's first parameters come from, and which stay as they are: each option is a key of the recipe, so that the run can be
/// repeated from the recipe it stores.
struct WeightOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Start from these weights (train.init_from): a safetensors file under PyTorch's names, a folder of one, a run or a checkpoint.",
      valueName: "file|run|checkpoint"))
  var initFrom: String?
  @Option(
    help: ArgumentHelp(
      "Names in that file that begin with OLD begin with NEW here (train.init_map), for example lstm.=rnn.; may be given several times.",
      valueName: "old=new"))
  var initMap: [String] = []
  @Option(
    help: ArgumentHelp(
      "Parameters that may be missing in it, or of another shape, and start anew (train.allow_missing), for example 'fc.*'.",
      valueName: "pattern"))
  var allowMissing: [String] = []
  @Option(
    help: ArgumentHelp(
      "Parameters that training leaves as they are (train.freeze), for example 'rnn.*'.", valueName: "pattern"
    ))
  var freeze: [String] = []

  /// As `--set` takes them.
  var overrides: [String] {
    var overrides: [String] = []
    if let initFrom { overrides.append("train.init_from=\(quoted(initFrom))") }
    for (key, list) in [("init_map", initMap), ("allow_missing", allowMissing), ("freeze", freeze)]
    where !list.isEmpty {
      overrides.append("train.\(key)=[\(list.map(quoted).joined(separator: ", "))]")
    }
    return overrides
  }

  /// As YAML, whatever it holds: what JSON quotes, YAML does.
  private func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A text can always be encoded.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }
}
