#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a trial of own kernels and a BLAS gave.
public struct ProductVerdict: Equatable, Sendable {
  public var shape: ProductShape
  /// Of one product, the fastest.
  public var ownMilliseconds: Double
  public var blasMilliseconds: Double
  /// Whether the BLAS is clearly faster.
  public var isBLAS: Bool

  public init(_ shape: ProductShape, own: Double, blas: Double, isBLAS: Bool) {
    (self.shape, ownMilliseconds, blasMilliseconds, self.isBLAS) = (shape, own, blas, isBLAS)
  }
}

/// Times one product both ways, in turns, on the threads of a model.
package struct ProductTrial {
  package let shape: ProductShape
  private let products: Products
  private let weight: ProductWeight
  private let library: BLASLibrary
  private let team: Team
  private let w: FloatBufferBox
  private let x: FloatBufferBox
  private let y: FloatBufferBox
  private let bias: FloatBufferBox
  /// As rows of gates lie: see `RecurrentLayer.gateStride`.
  private let outputStride: Int

  /// The BLAS has to be faster by this much, in the fastest of all rounds and in all but one of them: noise is not to decide.
  package static let margin = 1.08
  private static let rounds = 5

  /// Memory that a structure can hold.
  private final class FloatBufferBox {
    let buffer: FloatBuffer
    init(_ count: Int, seed: UInt32) {
      buffer = FloatBuffer(count)
      var state = seed
      for i in 0..<count {
        state = state &* 1_664_525 &+ 1_013_904_223
        buffer.base[i] = Float(Int32(bitPattern: state)) * 0x1p-31
      }
    }
    var base: UnsafeMutablePointer<Float> { buffer.base }
  }

  package init(_ shape: ProductShape, _ kernels: KernelSet, _ team: Team, _ library: BLASLibrary) {
    (self.shape, self.library, self.team) = (shape, library, team)
    products = Products(kernels, team)
    products.isTraining = true
    weight = products.weight(outputs: shape.outputs, inputs: shape.inputs, [shape.kind])
    outputStride = shape.outputs % 256 == 0 ? shape.outputs + 16 : shape.outputs
    w = FloatBufferBox(shape.outputs * shape.inputs, seed: 1)
    x = FloatBufferBox(shape.rows * shape.inputs, seed: 2)
    y = FloatBufferBox(shape.rows * outputStride, seed: 3)
    bias = FloatBufferBox(shape.outputs, seed: 4)
  }

  /// - seconds: a clock, for tests. operations: multiply-adds of a round, a millisecond or two.
  /// - Returns: nil where the BLAS gives another result.
  package func run(seconds: (() -> Double)? = nil, operations: Int = 1 << 27) -> ProductVerdict? {
    let seconds = seconds ?? { Self.seconds(alone: team.count == 1) }
    guard agrees() else { return nil }
    let count = max(1, operations / (shape.rows * shape.outputs * shape.inputs))
    var (own, blas, clear) = (Double.infinity, Double.infinity, 0)
    for round in 1...Self.rounds {
      let times = [false, true].map { isBLAS in
        choose(isBLAS)
        let start = seconds()
        for _ in 0..<count { multiply() }
        return (seconds() - start) / Double(count)
      }
      (own, blas) = (min(own, times[0]), min(blas, times[1]))
      if times[0] >= times[1] * Self.margin { clear += 1 }
      // What own kernels win twice is decided.
      if round - clear >= 2 { break }
    }
    return ProductVerdict(
      shape, own: own * 1e3, blas: blas * 1e3,
      isBLAS: clear >= Self.rounds - 1 && own >= blas * Self.margin)
  }

  /// Time of this thread where it computes alone, so that other processes don't count.
  private static func seconds(alone: Bool) -> Double {
    var time = timespec()
    clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func choose(_ isBLAS: Bool) {
    var all = shape
    all.rows = 1
    products.use(
      isBLAS ? ProductChoices(library: library.description, threads: team.count, products: [all]) : nil,
      of: isBLAS ? library : nil)
    weight.pack(w.base, stride: shape.inputs, forBackward: true)
  }

  private func multiply() {
    let (rows, inputs) = (shape.rows, shape.inputs)
    switch shape.kind {
    case .forward:
      weight.forward(
        x.base, stride: inputs, rows: rows, bias: bias.base, to: y.base, stride: outputStride, .projection)
    case .back:
      weight.back(
        y.base, stride: outputStride, rows: rows, to: x.base, stride: inputs, adding: false, .inputGradients)
    case .gradient:
      weight.gradient(
        y.base, stride: outputStride, x.base, stride: inputs, rows: rows, .init(size: rows, stride: rows),
        to: w.base, stride: inputs, adding: false, .weightGradients)
    }
  }

  /// Whether both give the same up to rounding; each then is warm.
  private func agrees() -> Bool {
    let result = shape.kind == .forward ? y : shape.kind == .back ? x : w
    choose(true)
    multiply()
    let blas = Array(result.buffer.all)
    choose(false)
    multiply()
    var (distance, norm) = (0.0, 0.0)
    for (own, other) in zip(result.buffer.all, blas) {
      let (own, other) = (Double(own), Double(other))
      distance += (own - other) * (own - other)
      norm += own * own
    }
    return distance <= norm * 1e-10
  }
}
