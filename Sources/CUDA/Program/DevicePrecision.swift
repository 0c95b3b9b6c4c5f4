/// What the factors of matrix products are rounded to; sums are formed in float32 always.
public enum DevicePrecision: Int32, Sendable, CaseIterable {
  case fp32 = 0
  case tf32 = 1
  case bf16 = 2
}
