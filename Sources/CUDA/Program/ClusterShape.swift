import CCUDA
import Recurrent

/// What the kernels of a walk by clusters are compiled for.
public struct ClusterShape: Hashable, Sendable {
  /// Of the cell.
  public var gates: Int
  public var hidden: Int
  /// Of a cluster.
  public var blocks: Int
  /// Sequences of a cluster, in eights.
  public var tiles: Int
  public var precision: DevicePrecision

  public init(gates: Int, hidden: Int, blocks: Int, tiles: Int, precision: DevicePrecision) {
    self.gates = gates
    self.hidden = hidden
    self.blocks = blocks
    self.tiles = tiles
    self.precision = precision
  }

  /// As kernels are told it.
  public var definition: String { "\(gates),\(hidden),\(blocks),\(tiles),\(precision.rawValue)" }

  /// How the work is spread over threads, registers and shared memory.
  package var spread: cluster_plan {
    cluster_plan_for(Int32(gates), Int32(hidden), Int32(blocks), Int32(tiles), precision.rawValue)
  }
}

extension ClusterShape {
  /// Hidden sizes the kernels are made for: smaller layers fit into one block, larger ones not into a cluster's registers.
  static let hiddenSizes = 33...512

  /// The shape that should take the least time for the plan's layers on its device; nil where there is none.
  public init?(for plan: StepPlan) {
    let network = plan.network
    guard network.cell != .none, Self.hiddenSizes.contains(network.hiddenSize) else { return nil }
    let shapes = plan.device.clusters.flatMap { size in
      [1, 2, 4].map { tiles in
        ClusterShape(
          gates: network.cell.gateCount, hidden: network.hiddenSize, blocks: size.blocks, tiles: tiles,
          precision: plan.precision)
      }
    }
    let best = shapes.filter { $0.fits(plan.device) }.min { $0.cost(plan) < $1.cost(plan) }
    guard let best else { return nil }
    self = best
  }

  /// Clusters that take all rows of a batch in both directions.
  func clusters(_ batch: Int, directions: Int) -> Int { (batch + 8 * tiles - 1) / (8 * tiles) * directions }

  /// Whether registers and shared memory are enough.
  private func fits(_ device: DeviceTraits) -> Bool {
    let spread = spread
    return (1...device.sharedMemory).contains(Int(max(spread.forward_shared, spread.backward_shared)))
  }

  /// About the cycles of a step of all rows. Estimated, not measured: the barrier with what surrounds it, a warp's products, those whose
  /// weights come from shared memory, and the stores to other blocks.
  private func cost(_ plan: StepPlan) -> Int {
    let spread = spread
    let active = plan.device.clusters.first { $0.blocks == blocks }!.count
    let clusters = clusters(plan.capacity, directions: plan.network.directions)
    let products = [spread.forward, spread.backward].map { product in
      let all = Int(product.warp_tiles * product.warp_groups)
      let kept = Int(product.warp_tiles * product.resident)
      return 32 * all * tiles * (precision == .fp32 ? 3 : 1) + 32 * (all - kept)
    }
    return (clusters + active - 1) / active * (2 * 700 + products.reduce(0, +) + 32 * blocks * tiles)
  }
}
