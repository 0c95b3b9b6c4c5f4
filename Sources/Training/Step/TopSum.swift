import Collective
import Kernels
import Recipes
import Recurrent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sums of the largest elements of each rank's gradients: Deep Gradient Compression (Lin et al. 2018, algorithm 4). What is not sent adds up on
/// its rank, with the momentum that the optimizer would have given it (momentum correction), and what is sent loses both (momentum factor
/// masking). Limits hold for each rank's gradients before they add up (local gradient clipping), and the share that travels falls epoch by
/// epoch at first (warm-up).
final class TopSum: GradientCompression {
  private let group: any Communicator
  private let kernels: KernelSet
  private let limits: GradientLimits
  private let momentum: Float
  private let share: Double
  private let warmupEpochs: Int
  /// Those that are trained.
  private let tensors: [Range<Int>]
  private let velocity: KeptBuffer
  private let error: KeptBuffer
  private var order: [Int32] = []

  init(
    _ layout: ParameterLayout, frozen: FrozenParameters, _ settings: DistributedSpecification,
    limits: GradientLimits, kernels: KernelSet, group: any Communicator
  ) {
    (self.group, self.kernels, self.limits) = (group, kernels, limits)
    momentum = Float(settings.topMomentum)
    (share, warmupEpochs) = (settings.topShare, settings.topWarmupEpochs)
    tensors = layout.entries.map(\.range).filter { !frozen.contains($0) }
    velocity = KeptBuffer(layout.count)
    error = KeptBuffer(layout.count)
  }

  var clips: Bool { true }
  var kept: [RankStates.OwnBuffer] {
    [
      .init(name: "error", values: error.values, isShare: true),
      .init(name: "velocity", values: velocity.values, isShare: true),
    ]
  }
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] { [] }

  func sum(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    of batch: SummedBatch
  ) throws {
    let samples = Float(batch.samples)
    clip(gradients, weight: batch.ownWeight)
    accumulate(gradients, inverse: 1 / samples)
    let all = try group.allGather(message(sums, share: share(in: batch.epoch)))
    gradients.update(repeating: 0)
    sums.update(repeating: 0)
    for part in all { add(part, gradients, sums, samples: samples) }
  }

  /// In a warm-up of four epochs to 0.001: 0.25, 0.063, 0.016, 0.004.
  private func share(in epoch: Int) -> Double {
    guard epoch < warmupEpochs else { return share }
    return pow(share, Double(epoch + 1) / Double(warmupEpochs + 1))
  }

  /// Limits of the mean of N ranks' gradients are 1/√N of that for a rank's part of it, if ranks' gradients are spread alike (section 3.2): √N
  /// times as much for the mean of the rank's own.
  /// - weight: what the gradients are sums of.
  private func clip(_ gradients: UnsafeMutableBufferPointer<Float>, weight: Double) {
    guard weight > 0, limits.norm != nil || limits.value != nil else { return }
    let squares = tensors.reduce(0) {
      $0 + kernels.functions.sum_of_squares(gradients.baseAddress! + $1.lowerBound, $1.count)
    }
    // What is not finite is not hidden: all ranks leave the step out.
    guard squares.isFinite else { return }
    let reach = Double(group.size).squareRoot() * weight
    if let norm = limits.norm {
      let factor = Float(norm * reach / (squares.squareRoot() + 1e-6 * weight))
      if factor < 1 { for i in gradients.indices { gradients[i] *= factor } }
    }
    if let value = limits.value { gradients.scale(by: 1, limitedTo: value * Float(reach)) }
  }

  func commit() {
    velocity.commit()
    error.commit()
  }

  private func accumulate(_ gradients: UnsafeMutableBufferPointer<Float>, inverse: Float) {
    for tensor in tensors {
      for i in tensor {
        velocity.next[i] = momentum * velocity.values[i] + inverse * gradients[i]
        error.next[i] = error.values[i] + velocity.next[i]
      }
    }
  }

  /// The sums, then of each tensor the numbers and the values of the elements that travel; both are forgotten here.
  private func message(_ sums: UnsafeMutableBufferPointer<Double>, share: Double) -> [UInt8] {
    let counts = tensors.map { max(1, Int((share * Double($0.count)).rounded(.up))) }
    var bytes = [UInt8](UnsafeRawBufferPointer(sums))
    bytes.reserveCapacity(bytes.count + 8 * counts.reduce(0, +))
    for (tensor, count) in zip(tensors, counts) {
      for index in largest(count, in: tensor) {
        let place = Int(index)
        withUnsafeBytes(of: index) { bytes += $0 }
        withUnsafeBytes(of: error.next[place]) { bytes += $0 }
        (error.next[place], velocity.next[place]) = (0, 0)
      }
    }
    return bytes
  }

  private func add(
    _ part: [UInt8], _ gradients: UnsafeMutableBufferPointer<Float>,
    _ sums: UnsafeMutableBufferPointer<Double>,
    samples: Float
  ) {
    part.withUnsafeBytes { bytes in
      for i in sums.indices { sums[i] += bytes.loadUnaligned(fromByteOffset: 8 * i, as: Double.self) }
      for place in stride(from: 8 * sums.count, to: bytes.count, by: 8) {
        let index = Int(bytes.loadUnaligned(fromByteOffset: place, as: Int32.self))
        gradients[index] += samples * bytes.loadUnaligned(fromByteOffset: place + 4, as: Float.self)
      }
    }
  }

  /// The numbers of the elements of the largest size, rising; of equal ones the first. What is no number is larger than all.
  private func largest(_ count: Int, in range: Range<Int>) -> [Int32] {
    let values = error.next
    func isBefore(_ a: Int32, _ b: Int32) -> Bool {
      let (x, y) = (abs(values[Int(a)]), abs(values[Int(b)]))
      if x.isNaN != y.isNaN { return x.isNaN }
      return x == y || x.isNaN ? a < b : x > y
    }
    order = range.map { Int32($0) }
    // Hoare's selection; the middle of three keeps sorted runs from being slow.
    var (low, high) = (0, order.count - 1)
    while low < high {
      let middle = (low + high) / 2
      let three = [order[low], order[middle], order[high]].sorted(by: isBefore)
      let pivot = three[1]
      var (i, j) = (low, high)
      while i <= j {
        while isBefore(order[i], pivot) { i += 1 }
        while isBefore(pivot, order[j]) { j -= 1 }
        if i <= j {
          order.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if count - 1 <= j { high = j } else if count - 1 >= i { low = i } else { break }
    }
    return order.prefix(count).sorted()
  }
}
