import Collective
import Kernels
import Recipes

/// The sum over ranks of the ways that they went in a round: whole, or rounded on the wire.
final class WaySum {
  /// This rank's, then the sum of all.
  var way: UnsafeMutableBufferPointer<Float> { memory.all }
  private let memory: FloatBuffer
  private let group: any Communicator
  private let rounded: CompressedSum?
  private let quantized: QuantizedSum?

  init(_ compress: DistributedSpecification.Compression, count: Int, group: any Communicator) {
    self.group = group
    memory = FloatBuffer(count)
    rounded = compress == .bf16 && group.size > 1 ? CompressedSum(group, count: count) : nil
    quantized = compress.bits.map { QuantizedSum(group, count: count, bits: $0) }
  }

  /// Leaves the sums in place, on every rank.
  /// - others: are summed too, in the same message where ways are whole.
  func add(with others: UnsafeMutableBufferPointer<Double> = .init(start: nil, count: 0)) throws {
    if let rounded {
      try rounded.reduceScatter(way)
      try rounded.allGather(way)
    } else if let quantized, group.size > 1 {
      try quantized.sum(way)
    } else {
      return try group.allReduceSum(way, others)
    }
    if !others.isEmpty { try group.allReduceSum(others) }
  }

  /// The sum was used. Without this call nothing has changed.
  func commit() { quantized?.commit() }

  /// What this rank's rounding has taken away, for the next time.
  var kept: [RankStates.OwnBuffer] {
    quantized.map { [.init(name: "outer.error", values: $0.errors.own, isShare: true)] } ?? []
  }

  /// The same of sums, with what a checkpoint puts before the parameters' names.
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    quantized.map { [("optimizer.outer.sum_error.", $0.errors.ofSums)] } ?? []
  }

  /// Brings to the first rank what is there in parts.
  func gather() throws { try quantized?.gatherErrors() }
}

extension DistributedSpecification.Compression {
  /// Of a whole number that a value travels as; nil for other ways.
  fileprivate var bits: Int? {
    switch self {
    case .int8: 8
    case .int4: 4
    case .none, .bf16, .powersgd, .topk: nil
    }
  }
}
