/// Where a run's first parameters came from, as `recur train --json` says it under `init_from`. All names in the order of the
/// network, or of the file.
public struct WeightsReport: Codable, Sendable, Equatable {
  /// Absolute: the file that was read, or the index of several.
  public var path: String
  /// Parameters of this network that the file had.
  public var taken: [String]
  /// Those that keep the seed's own start.
  public var missing: [String]
  /// Tensors of the file that nothing was made of, under the file's names.
  public var unused: [String]
  /// PyTorch's names of the types that were converted to float32, each once.
  public var converted: [String]

  /// For people.
  public var lines: [String] {
    var lines = ["\(taken.count) of \(taken.count + missing.count) tensors from \(path)"]
    if !converted.isEmpty { lines[0] += ", converted from \(converted.joined(separator: " and "))" }
    if !missing.isEmpty { lines.append("start anew: \(missing.named(atMost: 8))") }
    if !unused.isEmpty { lines.append("not used of it: \(unused.named(atMost: 8))") }
    return lines
  }
}
