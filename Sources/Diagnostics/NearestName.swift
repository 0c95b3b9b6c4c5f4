/// The candidate a person most likely meant, or nil where none is close.
///
/// Case differences are free; otherwise the edit distance may be at most a third of the longer name, at least one, but never all of it.
package func nearestName(to name: String, among candidates: [String]) -> String? {
  let wanted = Array(name.lowercased().unicodeScalars.prefix(64))
  var best: (name: String, distance: Int)?
  for candidate in candidates.prefix(10_000) {
    let other = Array(candidate.lowercased().unicodeScalars.prefix(64))
    let distance = typingDistance(wanted, other)
    let longer = max(wanted.count, other.count)
    if distance == 0 || distance <= max(1, longer / 3) && distance < longer, distance < best?.distance ?? .max
    {
      best = (candidate, distance)
    }
  }
  return best?.name
}

/// The number of single changes (insert, remove, replace, exchange two neighbours) that make `a` into `b`.
func typingDistance<T: Equatable>(_ a: [T], _ b: [T]) -> Int {
  var (before, row, next) = ([Int](), Array(0...b.count), Array(0...b.count))
  for i in a.indices {
    next[0] = i + 1
    for j in b.indices {
      next[j + 1] = min(row[j] + (a[i] == b[j] ? 0 : 1), next[j] + 1, row[j + 1] + 1)
      if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
        next[j + 1] = min(next[j + 1], before[j - 1] + 1)
      }
    }
    (before, row, next) = (row, next, row)
  }
  return row[b.count]
}
