import CUDA
import Collective
import Devices
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

/// Ranks whose devices add up among themselves, and how they find that they can.
@Suite(.tags(.long)) struct GroupTests {
  private func member(_ device: String, version: Int = 22809) -> GroupMembership {
    GroupMembership(device: device, version: version)
  }

  /// The ranks' answers, and who joined.
  private func join(_ members: [GroupMembership?]) throws -> [(answer: Bool, joined: [UInt8])] {
    try Threaded.withRanks(members.count) { group in
      let executor = ShimExecutor(ranks: group)
      executor.membership = members[group.rank]
      return (try group.joinDevices(executor), executor.joined)
    }
  }

  @Test func ranksOnDevicesOfTheirOwnJoin() throws {
    let ranks = try join([member("0000:17:00.0"), member("0000:2a:00.0"), member("0000:3d:00.0")])
    #expect(ranks.allSatisfy { $0.answer })
    #expect(Set(ranks.map(\.joined)).count == 1 && ranks[0].joined.count == 128)
  }

  @Test func othersDoNot() throws {
    let one = member("0000:17:00.0")
    for members in [
      [one, one], [one, nil], [one, member("0000:2a:00.0", version: 22605)], [nil, nil],
      [one, member("0000:2a:00.0"), one],
    ] {
      let ranks = try join(members)
      #expect(ranks.allSatisfy { !$0.answer && $0.joined.isEmpty })
    }
  }

  @Test func aGroupOfOneChangesNothing() throws {
    let c = DeviceCheck.all[0]
    let executor = ShimExecutor(ranks: Solo())
    try executor.join(executor.invitation(), rank: 0, size: 1)
    let alone = try c.parameters(on: ShimExecutor(), steps: 3, inGroup: false)
    #expect(try c.parameters(on: executor, steps: 3, inGroup: true) == alone)
    #expect(executor.log.count { $0 == .run(.updateOfRanks) } == 3)
  }

  /// Whole runs: sums among devices give the bits that sums in host memory give.
  @Test(arguments: [[], ["train.accumulate=2", "model.cell=gru"], ["train.batch_size=25"]])
  func aRunGivesTheSameBits(overrides: [String]) throws {
    let run = try DeviceTrainingTests.Run()
    let recipe = try run.recipe(overrides)
    func train(_ devices: [String?], out: String) throws -> [(report: TrainingReport, sums: Int)] {
      try Threaded.withRanks(2) { group in
        let executor = ShimExecutor(seed: 3, ranks: group)
        executor.membership = devices[group.rank].map { member($0) }
        let report = try run.train(recipe, out: out, communicator: group, executor: executor)
        return (report, executor.log.count { $0 == .run(.updateOfRanks) })
      }
    }
    let staged = try train([nil, nil], out: "staged")
    let direct = try train(["0000:17:00.0", "0000:2a:00.0"], out: "direct")
    #expect(staged.map(\.sums) == [0, 0])
    #expect(direct.map(\.sums) == [direct[0].report.steps, direct[0].report.steps])
    #expect(Set((staged + direct).map(\.report.parametersSHA256)).count == 1)
    #expect(direct[0].report.epochLosses == staged[0].report.epochLosses)
  }
}
