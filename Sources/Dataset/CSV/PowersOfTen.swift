/// What correctly rounded decimal to binary conversion needs to know about powers of ten.
///
/// Source: D. Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51 (2021).
enum PowersOfTen {
  /// 10^0 … 10^22: the powers a Double holds exactly.
  static let exact: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19,
    1e20, 1e21, 1e22,
  ]

  /// 10^0 … 10^8.
  static let integers: [UInt64] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]

  /// Exponents whose power of five, or its divisor, is known to 128 bits from plain integer arithmetic. Inside this range
  /// the product below is always enough to round correctly (Lemire, section 8), and no result is subnormal or infinite.
  static let exponents = -27...55

  /// The 128 leading bits of 5^q for each q of `exponents`; rounded up where q is negative.
  static let fives: [(high: UInt64, low: UInt64)] = exponents.map { q in
    if q >= 0 {
      let power = (0..<q).reduce(UInt128(1)) { power, _ in power * 5 }
      return words(power << power.leadingZeroBitCount)
    }
    let divisor = (0..<(-q)).reduce(UInt64(1)) { power, _ in power * 5 }
    // 2^(z + 127) / divisor with 2^(z - 1) < divisor < 2^z, by long division.
    let z = 64 - divisor.leadingZeroBitCount
    let first = divisor.dividingFullWidth((1 << (z - 1), 0))
    let second = divisor.dividingFullWidth((first.remainder, 0))
    return words((UInt128(first.quotient) << 64 | UInt128(second.quotient)) + 1)
  }

  private static func words(_ value: UInt128) -> (high: UInt64, low: UInt64) {
    (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
  }
}
