/// FNV-1a (64 bits) over the bit patterns of float32 numbers: equal only where every bit is.
///
/// `Tests/Reference/generate.py` computes the same over PyTorch's numbers.
public func fingerprint(_ values: some Sequence<Float>) -> String {
  fingerprint(words: values.lazy.map(\.bitPattern))
}

/// The same over integers, taken modulo 2³².
public func fingerprint(words: some Sequence<UInt32>) -> String {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for word in words { hash = (hash ^ UInt64(word)) &* 0x100_0000_01b3 }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
