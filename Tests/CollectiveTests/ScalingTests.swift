import Collective
import Diagnostics
import TestSupport
import Testing

/// The model behind `recur predict-scaling`.
@Suite(.tags(.mpi)) struct ScalingTests {
  private static let network = NetworkCost(latency: 50e-6, secondsPerByte: 8e-10)

  private static func cost(
    _ way: SumCost.Route, _ bytes: Int, _ machines: Int, _ ranks: Int, _ network: NetworkCost = network
  ) -> SumCost {
    SumCost(way, bytes: bytes, machines: machines, ranksPerMachine: ranks, network: network, memory: 0)
  }

  /// 2 (H - 1) / H of the bytes leave each machine, however many ranks it has.
  @Test func onlyNeededBytesLeaveAMachine() {
    let bytes = 32 << 20
    for machines in [2, 3, 4, 6, 8, 64] {
      for ranks in [1, 4, 8] {
        let sent = Self.cost(.hierarchical, bytes, machines, ranks).bytesPerMachine
        let needed = 2 * Double(machines - 1) / Double(machines) * Double(bytes)
        #expect(abs(sent / needed - 1) < 0.02, "\(machines) × \(ranks): \(sent / needed)")
      }
    }
  }

  /// Two machines: one way and back, and as long as the bytes take.
  @Test func timesFollowFromRoundsAndBytes() {
    let small = Self.cost(.hierarchical, 4096, 2, 1)
    #expect(abs(small.seconds - (50e-6 + 4096 * 8e-10)) < 1e-9)
    let large = Self.cost(.hierarchical, 32 << 20, 2, 1)
    #expect(abs(large.seconds - Double(32 << 20) * 8e-10) < 1e-3)
    let congested = NetworkCost(latency: 50e-6, secondsPerByte: 8e-10, congestion: 2)
    let slower = Self.cost(.hierarchical, 32 << 20, 2, 1, congested)
    #expect(abs(slower.seconds / large.seconds - 2) < 0.02)
    // A thousand machines, 40 kB: rounds of halves, no message to each.
    #expect(Self.cost(.hierarchical, 40_000, 1000, 1).seconds < 2e-3)
    #expect(Self.cost(.hierarchical, 32 << 20, 1, 1).seconds == 0)
    // More ranks than any machine could add for cost no more to think about.
    #expect(Self.cost(.flat, 32 << 20, 100_000, 4096).seconds > 0)
  }

  @Test func theBestWayIsTheFastest() {
    for (machines, ranks) in [(2, 4), (4, 2), (3, 3), (64, 8)] {
      for bytes in [4096, 1 << 18, 1 << 25] {
        let best = SumCost.best(
          bytes: bytes, machines: machines, ranksPerMachine: ranks, network: Self.network, memory: 1e-10)
        for way in SumCost.Route.allCases {
          let other = SumCost(
            way, bytes: bytes, machines: machines, ranksPerMachine: ranks, network: Self.network,
            memory: 1e-10)
          #expect(best.seconds <= other.seconds)
        }
      }
    }
  }

  @Test func sumsBesideBackwardCostWhatTheyDoNotHide() {
    func step(_ compute: Double, _ buckets: [Int]) -> StepCost {
      StepCost(
        compute: compute, buckets: buckets, machines: 4, ranksPerMachine: 2, network: Self.network, memory: 0)
    }
    let plain = step(0.1, [3_000_000])
    #expect(!plain.isOverlapped && plain.seconds == 0.1 + plain.sum.seconds)
    let hidden = step(0.1, [1_000_000, 1_000_000, 1_000_000])
    #expect(hidden.isOverlapped && hidden.seconds < plain.seconds && hidden.seconds > 0.1)
    // Nothing hides a network that is slower than the step.
    let slow = step(1e-4, [1_000_000, 1_000_000, 1_000_000])
    #expect(slow.seconds >= 0.99 * plain.sum.seconds)
  }

  @Test func aNetworkIsARateAndALatency() throws {
    let network = try NetworkCost("10Gbit,50us")
    #expect(abs(network.latency - 50e-6) < 1e-15 && abs(network.secondsPerByte - 8e-10) < 1e-20)
    #expect(try NetworkCost("2.5Mbit,1ms").secondsPerByte == 8 / 2.5e6)
    for wrong in [
      "", "10Gbit", "10Gbit,", "50us,10Gbit", "10Gbit,50us,1", "-1Gbit,1us", "nanGbit,1us", "1e400Gbit,1us",
      "10 Gbit,50 us",
    ] {
      #expect(throws: Failure.self, "\(wrong)") { try NetworkCost(wrong) }
    }
  }
}
