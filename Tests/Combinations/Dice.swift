import TestSupport

/// Chances that are the same on every machine.
public struct Dice {
  private var random: SplitMix

  /// Dice for one purpose: numbers that differ in one bit give unrelated ones.
  public init(_ numbers: Int...) {
    var state: UInt64 = 0x5EED
    for number in numbers {
      random = SplitMix(state: state ^ UInt64(bitPattern: Int64(number)))
      state = random.next()
    }
    random = SplitMix(state: state)
  }

  public mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }
  public mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
  public mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  public mutating func within(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  public mutating func within(_ range: ClosedRange<Double>) -> Double {
    Double.random(in: range, using: &random)
  }
}
