/// Whether no value is NaN or infinite.
func allFinite(_ values: UnsafeBufferPointer<Float>) -> Bool {
  // An exponent of all ones carries into the sign bit.
  var carry: UInt32 = 0
  for value in values { carry |= (value.bitPattern & 0x7fff_ffff) &+ 0x0080_0000 }
  return carry >> 31 == 0
}

/// Copies, and tells whether no value is NaN or infinite, in one pass over memory.
func copyFinite(_ values: UnsafeBufferPointer<Float>, to target: UnsafeMutablePointer<Float>) -> Bool {
  var carry: UInt32 = 0
  for index in 0..<values.count {
    let value = values[index]
    target[index] = value
    carry |= (value.bitPattern & 0x7fff_ffff) &+ 0x0080_0000
  }
  return carry >> 31 == 0
}
