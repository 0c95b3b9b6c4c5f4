import Files

/// Reads one decimal number from bytes: `[+-]digits[.digits][(e|E)[+-]digits]`, rounded to the nearest Double, ties to even.
///
/// Three ways, from fast to sure: one exact product or quotient (Clinger), a 128-bit product (Eisel and Lemire),
/// and for what is left (more than 19 digits, extreme exponents) the standard library.
package struct DecimalNumber {
  package let value: Double
  /// One past the number's last byte.
  package let end: UnsafePointer<UInt8>
}

/// The tables as plain pointers, fetched once per file rather than once per number.
package struct DecimalTables {
  let exact: UnsafePointer<Double>
  let fives: UnsafePointer<(high: UInt64, low: UInt64)>
  /// 10^0 … 10^8.
  let powers: UnsafePointer<UInt64>

  package static func with<R, E: Error>(_ body: (DecimalTables) throws(E) -> R) throws(E) -> R {
    try PowersOfTen.exact.withUnsafeBufferPointer { (exact) throws(E) -> R in
      try PowersOfTen.fives.withUnsafeBufferPointer { (fives) throws(E) -> R in
        try PowersOfTen.integers.withUnsafeBufferPointer { (powers) throws(E) -> R in
          try body(
            DecimalTables(
              exact: exact.baseAddress!, fives: fives.baseAddress!, powers: powers.baseAddress!))
        }
      }
    }
  }

  /// The number that starts at `start`, or nil where none does.
  /// The bytes must be followed by at least eight more that may be read, the first of them no digit, dot, sign or letter.
  @inline(__always)
  package func parse(_ start: UnsafePointer<UInt8>) -> DecimalNumber? {
    var p = start
    let negative = p.pointee == UInt8(ascii: "-")
    if negative || p.pointee == UInt8(ascii: "+") { p += 1 }
    var mantissa: UInt64 = 0
    let integer = p
    p = digits(p, into: &mantissa)
    var count = p - integer
    var exponent = 0
    if p.pointee == UInt8(ascii: ".") {
      p += 1
      let fraction = p
      p = manyDigits(p, into: &mantissa)
      exponent = fraction - p
      count -= exponent
    }
    if count == 0 { return nil }
    if p.pointee | 0x20 == UInt8(ascii: "e"), let (power, end) = Self.exponent(p + 1) {
      exponent += power
      p = end
    }
    let magnitude: Double
    if count <= 19, let value = convert(mantissa, exponent) {
      magnitude = value
    } else {
      magnitude = Self.slow(integer, p)
    }
    return DecimalNumber(value: negative ? -magnitude : magnitude, end: p)
  }

  /// `mantissa` · 10^`exponent`, or nil where the tables don't reach.
  @inline(__always)
  private func convert(_ mantissa: UInt64, _ exponent: Int) -> Double? {
    if mantissa <= 1 << 53 && exponent >= -22 && exponent <= 22 {
      let value = Double(mantissa)
      return exponent < 0 ? value / exact[-exponent] : value * exact[exponent]
    }
    if mantissa == 0 { return 0 }
    guard PowersOfTen.exponents ~= exponent else { return nil }
    return product(mantissa, exponent)
  }

  @inline(__always)
  private func digits(_ start: UnsafePointer<UInt8>, into mantissa: inout UInt64) -> UnsafePointer<UInt8> {
    var p = start
    while true {
      let digit = p.pointee &- UInt8(ascii: "0")
      if digit > 9 { return p }
      // More than 19 digits may wrap; the count sends them the slow way.
      mantissa = mantissa &* 10 &+ UInt64(digit)
      p += 1
    }
  }

  /// Like `digits`, eight at a time: worth it for the long fractions that programs write.
  @inline(__always)
  private func manyDigits(_ start: UnsafePointer<UInt8>, into mantissa: inout UInt64) -> UnsafePointer<UInt8>
  {
    var p = start
    while true {
      // Digits become 0...9, the first of them in the lowest byte; other bytes become larger.
      let word = UnsafeRawPointer(p).loadUnaligned(as: UInt64.self).littleEndian ^ 0x3030_3030_3030_3030
      let others = ((word &+ 0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080
      let count = others.trailingZeroBitCount >> 3
      if count == 0 { return p }
      mantissa = mantissa &* powers[count] &+ Self.number(word << UInt64(64 - 8 * count))
      p += count
      if count < 8 { return p }
    }
  }

  /// The number of eight digits, by adding neighbours: of bytes, of pairs, of fours.
  @inline(__always)
  private static func number(_ digits: UInt64) -> UInt64 {
    let pairs = digits &* 10 &+ (digits >> 8)
    let mask: UInt64 = 0x0000_00FF_0000_00FF
    return ((pairs & mask) &* 0x000F_4240_0000_0064 &+ ((pairs >> 16) & mask) &* 0x0000_2710_0000_0001) >> 32
  }

  private static func exponent(_ start: UnsafePointer<UInt8>) -> (Int, UnsafePointer<UInt8>)? {
    var p = start
    let negative = p.pointee == UInt8(ascii: "-")
    if negative || p.pointee == UInt8(ascii: "+") { p += 1 }
    let first = p
    var power = 0
    while true {
      let digit = p.pointee &- UInt8(ascii: "0")
      if digit > 9 { break }
      if power < 1_000_000 { power = power * 10 + Int(digit) }
      p += 1
    }
    return p == first ? nil : (negative ? -power : power, p)
  }

  @inline(never)
  private static func slow(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Double {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
    return Double(text) ?? .nan
  }
}

extension DecimalTables {
  /// Eisel and Lemire's product; right for every mantissa but 0 and every exponent of `PowersOfTen.exponents`.
  private func product(_ mantissa: UInt64, _ exponent: Int) -> Double {
    let leading = mantissa.leadingZeroBitCount
    let w = mantissa << UInt64(leading)
    let five = fives[exponent - PowersOfTen.exponents.lowerBound]
    var (high, low) = w.multipliedFullWidth(by: five.high)
    // The 55 bits that matter are followed by ones only: the lower half of the table may still carry into them.
    if high & 0x1FF == 0x1FF {
      let (sum, carry) = low.addingReportingOverflow(w.multipliedFullWidth(by: five.low).high)
      low = sum
      if carry { high &+= 1 }
    }
    let upper = high >> 63
    let shift = upper + 9
    var significand = high >> shift
    var power = ((152_170 + 65_536) * exponent) >> 16 + 63
    power += Int(upper) - leading + 1023
    // Exactly halfway: to even. Only these exponents can meet it.
    if low <= 1 && exponent >= -4 && exponent <= 23 && significand & 3 == 1 && significand << shift == high {
      significand &= ~1
    }
    significand += significand & 1
    significand >>= 1
    if significand >= 1 << 53 {
      significand = 1 << 52
      power += 1
    }
    return Double(bitPattern: UInt64(power) << 52 | significand & (1 << 52 - 1))
  }
}
