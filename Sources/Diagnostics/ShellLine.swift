/// A command line for people, as a shell reads these words back, byte by byte.
///
/// What a terminal would obey is written in `$'…'`, which bash, zsh and ksh undo.
package func shellLine(_ words: [String]) -> String { words.map(shellWord).joined(separator: " ") }

/// One word of it.
package func shellWord(_ word: String) -> String {
  if word.utf8.allSatisfy(isPlain), let first = word.utf8.first, first != UInt8(ascii: "=") { return word }
  if word.unicodeScalars.contains(where: \.isObeyed) {
    return "$'" + word.unicodeScalars.map(escaped).joined() + "'"
  }
  var bytes = [UInt8(ascii: "'")]
  for byte in word.utf8 { bytes += byte == UInt8(ascii: "'") ? Array(#"'\''"#.utf8) : [byte] }
  return String(decoding: bytes + [UInt8(ascii: "'")], as: UTF8.self)
}

/// Whether no shell gives it a meaning.
private func isPlain(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: "-_./:=,@%+".utf8.contains(byte)
  }
}

/// Within `$'…'`.
private func escaped(_ scalar: Unicode.Scalar) -> String {
  if scalar == "'" || scalar == "\\" { return "\\\(scalar)" }
  guard scalar.isObeyed else { return String(String.UnicodeScalarView([scalar])) }
  let digits = Array("0123456789ABCDEF".unicodeScalars)
  return String(scalar).utf8.map { "\\x\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
}
