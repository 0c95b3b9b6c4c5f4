import Diagnostics

/// Where two recipes differ, key by key.
extension Recipe {
  /// Each line of the effective recipe with its section before it.
  package var keyedLines: [Name] { Self.keyedLines(effectiveYAML) }

  /// The first line of an effective recipe that is not the other's, with its key and both values.
  package static func firstDifference(_ yaml: String, _ other: String, called name: String = "rank 0")
    -> String?
  {
    let (a, b) = (keyedLines(yaml), keyedLines(other))
    let pair = zip(a, b).first { $0 != $1 }
    return pair.map { "\($0), \(name): \($1)" }
  }

  /// Each line of an effective recipe with its section before it.
  private static func keyedLines(_ yaml: String) -> [Name] {
    let (blank, colon) = (UInt8(ascii: " "), UInt8(ascii: ":"))
    var section = Substring()
    return yaml.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
      if line.starts(with: [blank, blank]) { return "\(section).\(Substring(line.dropFirst(2)))" }
      section = Substring(line.prefix { $0 != colon })
      return line.last == colon ? nil : Name(Substring(line))
    }
  }

  /// What of a recipe says what the numbers are that a network takes and gives.
  private static let meanings: [Name] = [
    "data.features", "data.targets", "data.label", "data.horizon", "data.per_step", "data.relative",
    "data.calendar", "data.known", "data.static", "data.categorical", "data.tokens", "loss.levels",
    "model.cell",
    "model.nonlinearity", "model.reset_after", "model.bidirectional", "model.readout", "model.head",
    "model.residual",
    "model.zoneout",
  ]

  /// Throws where this recipe gives other meanings to a network's numbers than the one it was trained by: no error would show it.
  package func requireMeanings(of trained: Recipe) throws(Failure) {
    func key(_ line: Name) -> Name { Name(Substring(line.text.utf8.prefix { $0 != UInt8(ascii: ":") })) }
    func meanings(_ recipe: Recipe) -> [Name] {
      recipe.keyedLines.filter { Self.meanings.contains(key($0)) }
    }
    let (own, other) = (meanings(self), meanings(trained))
    guard own != other else { return }
    let (changed, before) = (own.first { !other.contains($0) }, other.first { !own.contains($0) })
    let now = changed?.text ?? "\(before.map(key)?.text ?? "a key") is not set"
    throw .badData(
      "\(now) (the checkpoint: \(before?.text ?? "it is not set")): the network's inputs and outputs mean what it was trained with; leave the key as it is, or train anew"
    )
  }
}
