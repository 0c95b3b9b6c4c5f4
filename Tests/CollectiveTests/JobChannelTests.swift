import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

/// How a supervisor learns of the ends of its ranks.
@Suite(.tags(.mpi)) struct JobChannelTests {
  private func send(_ messages: [[UInt8]], to channel: JobChannel) throws {
    let port = try #require(UInt16(channel.card.split(separator: ":").last ?? ""))
    let socket = try #require(DatagramSocket(boundTo: .loopback))
    for message in messages { socket.send(message, to: SocketAddress(.loopback, port: port)) }
    channel.listen()
  }

  @Test func aRankThatFailsIsNoticed() throws {
    let channel = try JobChannel(reachableAt: [])
    let report = try RankReport(card: channel.card)
    try send([report.message(rank: 0, code: 0)], to: channel)
    #expect(channel.over(ranks: 2) == nil)
    try send([report.message(rank: 1, code: 75)], to: channel)
    #expect(channel.over(ranks: 2) != nil && !channel.allEndedWell(ranks: 2))
  }

  @Test func aJobIsOverWhenAllRanksAre() throws {
    let channel = try JobChannel(reachableAt: [])
    let report = try RankReport(card: channel.card)
    for rank in 0..<3 {
      #expect(channel.over(ranks: 3) == nil)
      // A datagram may come twice.
      try send([report.message(rank: rank, code: 0), report.message(rank: rank, code: 0)], to: channel)
    }
    #expect(channel.over(ranks: 3) != nil && channel.allEndedWell(ranks: 3))
  }

  /// Then nobody has anything to finish, whoever comes after.
  @Test func ranksThatGiveOthersUpSaySo() throws {
    let channel = try JobChannel(reachableAt: [])
    let report = try RankReport(card: channel.card)
    try send([report.message(rank: 0, code: 75)], to: channel)
    #expect(channel.over(ranks: 3) != nil && !channel.hasGivenUp)
    try send(
      [report.message(rank: 1, code: 75, gaveUp: true), report.message(rank: 2, code: 137)], to: channel)
    #expect(channel.hasGivenUp)
  }

  @Test func aWatchIsMissedOnceItWasHeard() throws {
    let channel = try JobChannel(reachableAt: [])
    let report = try RankReport(card: channel.card)
    #expect(channel.unwatched() == nil)
    for (patience, isMissed) in [(Duration.seconds(60), false), (.milliseconds(100), true), (.zero, false)] {
      #expect(report.tell(rank: 3, patience: patience, isWaiting: true, within: .seconds(5)))
      channel.listen()
      usleep(200_000)
      #expect(channel.pulse.isWaiting)
      #expect((channel.unwatched() != nil) == isMissed, "\(patience)")
    }
  }

  /// Then it does not matter how the program ends that started the ranks; nor is it done where a rank fails after all.
  @Test func aJobIsDoneWhenItsRanksSaySo() throws {
    let channel = try JobChannel(reachableAt: [])
    let report = try RankReport(card: channel.card)
    for patience in [Duration.seconds(60), .zero] {
      #expect(!channel.isDone(ranks: 3))
      #expect(report.tell(rank: 0, patience: patience, isWaiting: false, within: .seconds(5)))
      channel.listen()
    }
    #expect(channel.isDone(ranks: 3))
    try send([report.message(rank: 1, code: 0)], to: channel)
    #expect(channel.isDone(ranks: 3))
    try send([report.message(rank: 2, code: 70)], to: channel)
    #expect(!channel.isDone(ranks: 3))
  }

  /// Under a clock of the test's own.
  @Test func timeThatNobodyLookedAtIsNotMissed() {
    var (pulse, now) = (JobPulse(), ContinuousClock.now)
    func look(_ seconds: Int) -> Bool {
      var isMissing = false
      for _ in 0..<seconds {
        now += .seconds(1)
        isMissing = pulse.isMissing(now) != nil
      }
      return isMissing
    }
    #expect(!look(100))
    pulse.beat(now, patience: .seconds(15), isWaiting: false)
    #expect(!look(13))
    // The machine slept, then the job was stopped by a person.
    now += .seconds(600)
    #expect(!look(1))
    now += .seconds(60)
    pulse.passOver(.seconds(60))
    #expect(!look(1))
    #expect(look(16))
  }

  @Test func strangersEndNoJob() throws {
    let channel = try JobChannel(reachableAt: [])
    let other = try RankReport(card: JobChannel(reachableAt: []).card)
    let right = try RankReport(card: channel.card).message(rank: 0, code: 75)
    try send(right.indices.map { index in right.enumerated().map { $0 == index ? $1 ^ 1 : $1 } }, to: channel)
    try send([other.message(rank: 0, code: 75), Array(right.dropLast()), right + [0], []], to: channel)
    #expect(channel.over(ranks: 1) == nil)
    try send([right], to: channel)
    #expect(channel.over(ranks: 1) != nil)
  }

  @Test func suspendedTimeDoesNotCount() throws {
    let channel = try JobChannel(reachableAt: [])
    try send([RankReport(card: channel.card).message(rank: 0, code: 75)], to: channel)
    channel.passOver(.seconds(100))
    #expect(try #require(channel.over(ranks: 1)) < .seconds(-50))
  }

  @Test func theCardIsReadAsItWasWrittenAndNothingElseIs() throws {
    let card = try JobChannel(reachableAt: [.loopback]).card
    #expect(try RankReport(card: card).card == card)
    let six = "\(String(repeating: "0a", count: 32))@127.0.0.1:5,[fd00::7]:6"
    #expect(try RankReport(card: six).card == six)
    let secret = String(repeating: "0a", count: 32)
    for wrong in [
      "", "@", "\(secret)", "\(secret)@", "\(secret)@127.0.0.1", "\(secret)@127.0.0.1:0",
      "\(secret)@127.0.0.1:65536",
      "\(secret)@127.0.0.1:+5", "\(secret)@fd00::7:5", "\(secret)@[fd00::7]", "\(secret)@[127.0.0.1]:5",
      "\(secret)@localhost:5", "\(secret)0@127.0.0.1:5",
      "\(secret.dropLast(2))@127.0.0.1:5",
      "\(secret)@127.0.0.1:5,", "\(secret)@127.0.0.1:5@", "x" + secret.dropFirst() + "@127.0.0.1:5",
      secret + "@" + Array(repeating: "127.0.0.1:5", count: 9).joined(separator: ","),
    ] {
      let failure = #expect(throws: Failure.self) { try RankReport(card: wrong) }
      #expect(failure?.kind == .usage && failure?.message.contains("RECUR_LAUNCH") == true, "\(wrong)")
    }
  }
}
