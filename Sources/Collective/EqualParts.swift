/// `count` elements in `size` consecutive parts whose lengths differ by one at most, the longer ones first.
package func equalParts(of count: Int, among size: Int) -> [Range<Int>] {
  (0..<size).map { equalPart($0, of: count, among: size) }
}

/// One of these parts.
package func equalPart(_ index: Int, of count: Int, among size: Int) -> Range<Int> {
  let (share, extra) = count.quotientAndRemainder(dividingBy: size)
  let start = index * share + min(index, extra)
  return start..<start + share + (index < extra ? 1 : 0)
}
