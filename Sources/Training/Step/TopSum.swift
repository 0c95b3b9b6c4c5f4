import Collective
import Recurrent

/// Sums of the largest elements of each rank's gradients: Deep Gradient Compression (Lin et al. 2018, algorithm 4). What is not sent adds up on
/// its rank, with the momentum that the optimizer would have given it (momentum correction), and what is sent loses both (momentum factor
/// masking).
final class TopSum: GradientCompression {
  private let group: any Communicator
  private let momentum: Float
  /// Of each tensor: its elements, and how many travel.
  private let tensors: [(range: Range<Int>, count: Int)]
  private let velocity: KeptBuffer
  private let error: KeptBuffer
  private var order: [Int32] = []

  init(
    _ layout: ParameterLayout, frozen: FrozenParameters, share: Double, momentum: Double,
    group: any Communicator
  ) {
    self.group = group
    self.momentum = Float(momentum)
    tensors = layout.entries.filter { !frozen.contains($0.range) }.map {
      ($0.range, max(1, Int((share * Double($0.range.count)).rounded(.up))))
    }
    velocity = KeptBuffer(layout.count)
    error = KeptBuffer(layout.count)
  }

  var kept: [RankStates.OwnBuffer] {
    [
      .init(name: "error", values: error.values, isShare: true),
      .init(name: "velocity", values: velocity.values, isShare: true),
    ]
  }
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] { [] }

  func sum(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>, samples: Int
  ) throws {
    accumulate(gradients, inverse: 1 / Float(samples))
    let all = try group.allGather(message(sums))
    gradients.update(repeating: 0)
    sums.update(repeating: 0)
    for part in all { add(part, gradients, sums, samples: Float(samples)) }
  }

  func commit() {
    velocity.commit()
    error.commit()
  }

  private func accumulate(_ gradients: UnsafeMutableBufferPointer<Float>, inverse: Float) {
    for tensor in tensors {
      for i in tensor.range {
        velocity.next[i] = momentum * velocity.values[i] + inverse * gradients[i]
        error.next[i] = error.values[i] + velocity.next[i]
      }
    }
  }

  /// The sums, then of each tensor the numbers and the values of the elements that travel; both are forgotten here.
  private func message(_ sums: UnsafeMutableBufferPointer<Double>) -> [UInt8] {
    var bytes = [UInt8](UnsafeRawBufferPointer(sums))
    bytes.reserveCapacity(bytes.count + 8 * tensors.reduce(0) { $0 + $1.count })
    for tensor in tensors {
      for index in largest(tensor.count, in: tensor.range) {
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
