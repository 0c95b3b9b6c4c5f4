/// The candidate a person most likely meant, or nil where none is close.
///
/// Case differences are free; otherwise the edit distance may be at most a third of the longer name, at least one, but never all of it.
package func nearestName(to name: String, among candidates: [String]) -> String? {
  let wanted = Array(name.lowercased().unicodeScalars.prefix(64))
  var best: (name: String, distance: Int)?
  for candidate in candidates.prefix(10_000) {
    let other = Array(candidate.lowercased().unicodeScalars.prefix(64))
    let distance = editDistance(wanted, other)
    let longer = max(wanted.count, other.count)
    if distance == 0 || distance <= max(1, longer / 3) && distance < longer, distance < best?.distance ?? .max {
      best = (candidate, distance)
    }
  }
  return best?.name
}

/// Levenshtein's distance.
func editDistance<T: Equatable>(_ a: [T], _ b: [T]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let substituted = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
