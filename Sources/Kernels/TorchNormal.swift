#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension TorchGenerator {
  /// `tensor.normal_(mean, deviation)` of a contiguous float32 tensor; `randn` is the case (0, 1).
  ///
  /// Like PyTorch, fewer than 16 numbers come from a Box–Muller pair in double, more from blocks of 16 in float.
  package mutating func normal(
    _ out: UnsafeMutableBufferPointer<Float>, mean: Float = 0, deviation: Float = 1
  ) {
    guard out.count >= 16 else {
      for i in 0..<out.count { out[i] = Float(Double(mean).addingProduct(nextNormal(), Double(deviation))) }
      return
    }
    uniform(out, from: 0, to: 1)
    for start in stride(from: 0, to: out.count - 15, by: 16) {
      Self.boxMuller(out.baseAddress! + start, mean, deviation)
    }
    if out.count % 16 != 0 {
      // The last 16 are drawn anew, the overlap with the block before them included.
      let tail = UnsafeMutableBufferPointer(rebasing: out[(out.count - 16)...])
      uniform(tail, from: 0, to: 1)
      Self.boxMuller(tail.baseAddress!, mean, deviation)
    }
  }

  /// One standard normal in double; every second call returns the other half of the pair.
  private mutating func nextNormal() -> Double {
    if let pending = pendingNormal {
      pendingNormal = nil
      return pending
    }
    let unit = { (bits: UInt64) in Double(bits & (1 << 53 - 1)) * 0x1p-53 }
    let angle = 2 * Double.pi * unit(next64())
    let radius = (-2 * log1p(-unit(next64()))).squareRoot()
    pendingNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  /// Turns 16 uniforms into 16 normals in place: 0..<8 give the radii and receive the cosines, 8..<16 the angles and sines.
  private static func boxMuller(_ block: UnsafeMutablePointer<Float>, _ mean: Float, _ deviation: Float) {
    for i in 0..<8 {
      let radius = (-2 * logarithm(1 - block[i])).squareRoot()
      let (sine, cosine) = sineAndCosine(Float(2 * Double.pi) * block[i + 8])
      block[i] = mean.addingProduct(radius * cosine, deviation)
      block[i + 8] = mean.addingProduct(radius * sine, deviation)
    }
  }

  /// The natural logarithm for (0, 1] after Cephes' `logf`, rounded where PyTorch's vector code rounds.
  private static func logarithm(_ value: Float) -> Float {
    let bits = max(value, Float.leastNormalMagnitude).bitPattern
    var exponent = Float(Int32(bits >> 23) - 126)
    var x = Float(bitPattern: bits & 0x007f_ffff | 0x3f00_0000)
    if x < 0.707106781186547524 {
      exponent -= 1
      x = (x - 1) + x
    } else {
      x -= 1
    }
    let square = x * x
    var y: Float = 7.0376836292E-2
    y = Float(-1.1514610310E-1).addingProduct(y, x)
    y = Float(1.1676998740E-1).addingProduct(y, x)
    y = Float(-1.2420140846E-1).addingProduct(y, x)
    y = Float(1.4249322787E-1).addingProduct(y, x)
    y = Float(-1.6668057665E-1).addingProduct(y, x)
    y = Float(2.0000714765E-1).addingProduct(y, x)
    y = Float(-2.4999993993E-1).addingProduct(y, x)
    y = Float(3.3333331174E-1).addingProduct(y, x)
    y = (exponent * -2.12194440e-4).addingProduct(y * x, square)
    y -= square * 0.5
    return (x + y).addingProduct(exponent, 0.693359375)
  }

  /// Sine and cosine of an angle of at least 0 after Cephes' `sinf`, rounded where PyTorch's vector code rounds.
  private static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
    let octant = (Int32(angle * 1.27323954473516) + 1) & ~1
    let turns = Float(octant)
    // The angle less a multiple of π/4, which is subtracted in three parts.
    let x = angle.addingProduct(turns, -0.78515625).addingProduct(turns, -2.4187564849853515625e-4)
      .addingProduct(turns, -3.77489497744594108e-8)
    let square = x * x
    var even = Float(-1.388731625493765E-003).addingProduct(2.443315711809948E-005, square)
    even = Float(4.166664568298827E-002).addingProduct(even, square)
    even = (square * -0.5).addingProduct(even * square, square) + 1
    var odd = Float(8.3321608736E-3).addingProduct(-1.9515295891E-4, square)
    odd = Float(-1.6666654611E-1).addingProduct(odd, square)
    odd = x.addingProduct(odd * square, x)
    let (sine, cosine) = octant & 2 == 0 ? (odd, even) : (even, odd)
    return (octant & 4 == 0 ? sine : -sine, (octant - 2) & 4 == 0 ? -cosine : cosine)
  }
}
