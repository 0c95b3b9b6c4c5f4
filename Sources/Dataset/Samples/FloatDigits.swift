#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scaler {
  /// A number in the units of the file with the decimals that its float32 tells apart, and no more: what a file calls 1 and a float32
  /// brings back as 0.9999998 is 1, and 12345678.5 keeps its half where a unit of the scale is small.
  /// - scaled: the number as the network has it.
  /// - unit: how much one of its units is in the file; nil where it is not scaled.
  package static func inDecimals(_ value: Double, scaled: Float, unit: Double?) -> Double {
    let size = Double(abs(scaled))
    let apart = (unit.map { $0 * max(1, size) } ?? size) * 0x1p-24
    guard value.isFinite, apart.isNormal else { return value }
    let power = Int(log10(apart).rounded(.up))
    let factor = pow(10, Double(abs(power)))
    let places = power < 0 ? value * factor : value / factor
    // Beyond, a double has no places to lose.
    guard abs(places) < 0x1p52 else { return value }
    return power < 0 ? places.rounded() / factor : places.rounded() * factor
  }
}
