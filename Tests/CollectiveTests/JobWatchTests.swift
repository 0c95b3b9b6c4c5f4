import Collective
import TestSupport
import Testing

/// What watchdogs decide, under a clock of the test's own and a network that drops what the test says.
@Suite(.tags(.mpi)) struct JobWatchTests {
  /// A job of ranks that all wait in one call, but for those that are told otherwise.
  private final class Job {
    var now = ContinuousClock.now
    var watches: [JobWatch] = []
    var progress: [RankProgress] = []
    /// Ranks whose process stands still, ranks that compute, ranks that wait for a disk.
    var stopped: Set<Int> = []
    var computing: Set<Int> = []
    var atDisk: Set<Int> = []
    var isDropped: (_ from: Int, _ to: Int) -> Bool = { _, _ in false }
    /// Whether questions reach nobody either.
    var isCut: (_ from: Int, _ to: Int) -> Bool = { _, _ in false }
    var said: [(rank: Int, finding: JobWatch.Blame)] = []
    /// When each of these was said.
    var times: [ContinuousClock.Instant] = []
    var ended: [(rank: Int, finding: JobWatch.Blame)] = []
    var gone: Set<Int> = []
    /// Who said of itself that it watches over the job.
    var told: [Int] = []
    var messages = 0
    let limits = JobWatch.Limits(nameAfter: .seconds(5), stallTimeout: .seconds(10), beat: .milliseconds(500))

    init(ranks: Int, perHost: Int) {
      let hosts = (0..<ranks).map { "host-\($0 / perHost)" }
      for rank in 0..<ranks {
        let own = RankProgress()
        progress.append(own)
        watches.append(
          JobWatch(rank: rank, hosts: hosts, limits: limits, now: now) { own.members(of: $0) })
      }
    }

    func wait(except: Set<Int> = []) {
      for (rank, progress) in progress.enumerated() {
        progress.enter(.backward, step: 7)
        if !except.contains(rank) { progress.enter(.allReduce, group: 0) }
      }
    }

    func run(_ seconds: Double) {
      for _ in 0..<Int(seconds * 2) {
        for rank in watches.indices where !stopped.contains(rank) && !gone.contains(rank) {
          if computing.contains(rank) { progress[rank].addBusyBeat() }
          if atDisk.contains(rank) { progress[rank].addBusyBeat(atDisk: true) }
          perform(watches[rank].beat(now, progress[rank].mark), rank)
        }
        now += .milliseconds(500)
      }
    }

    private func perform(_ acts: [JobWatch.Act], _ rank: Int) {
      for act in acts {
        switch act {
        case .send(let subject, let peer):
          messages += 1
          guard !isDropped(rank, peer), !isCut(rank, peer), !stopped.contains(peer), !gone.contains(peer)
          else { continue }
          perform(watches[peer].take(.init(from: rank, to: peer, count: 1, subject), now), peer)
        case .ask(let ranks):
          for peer in ranks where !isCut(rank, peer) && !stopped.contains(peer) && !gone.contains(peer) {
            let answer = HeartbeatMessage(from: peer, to: rank, count: 1, .direct(watches[peer].answer(now)))
            perform(watches[rank].take(answer, now), rank)
          }
        case .say(let finding):
          said.append((rank, finding))
          times.append(now)
        case .tell: told.append(rank)
        case .end(let finding):
          gone.insert(rank)
          if let finding { ended.append((rank, finding)) }
        }
      }
    }
  }

  @Test func aBeatCostsTwoMessagesARank() {
    for (ranks, perHost) in [(2, 1), (8, 8), (64, 8), (1000, 8), (1000, 1)] {
      let job = Job(ranks: ranks, perHost: perHost)
      job.run(5)
      job.messages = 0
      job.run(5)
      #expect(job.messages == 10 * 2 * (ranks - 1), "\(ranks) ranks")
    }
  }

  @Test func nobodyHasManyNeighbours() {
    let tree = HeartbeatTree(hosts: (0..<4000).map { "host-\($0 / 8)" })
    #expect(tree.children.map(\.count).max()! <= 7 + HeartbeatTree.fanOut)
    #expect(tree.parents.enumerated().allSatisfy { rank, parent in parent.map { $0 < rank } ?? (rank == 0) })
    #expect(tree.subtree(of: 0).sorted() == Array(0..<4000))
    #expect(tree.succession == [0, 1, 8, 16] && tree.depth == 4)
    #expect(HeartbeatTree(hosts: ["a", "b", "a", "b"]).parents == [nil, 0, 0, 1])
  }

  @Test func theRankThatHangsIsNamedOnceAndEndsTheJob() {
    for late in [0, 1, 9, 500, 999] {
      let job = Job(ranks: 1000, perHost: 8)
      job.wait(except: [late])
      job.run(8)
      #expect(job.said.map(\.finding.ranks) == [[late]] && job.ended.isEmpty)
      job.run(6)
      #expect(job.ended.map(\.finding.ranks) == [[late]] && job.gone.count == 1000)
    }
  }

  @Test func whoComputesOrWaitsForADiskIsWaitedFor() {
    for isDisk in [false, true] {
      let job = Job(ranks: 40, perHost: 4)
      if isDisk { job.atDisk = [13] } else { job.computing = [13] }
      job.wait(except: [13])
      job.run(600)
      #expect(job.ended.isEmpty && job.said.map(\.finding.ranks) == [[13]])
      #expect(job.said[0].finding.line.contains("waits for its disk") == isDisk)
      job.progress[13].enter(.allReduce, group: 0)
      for progress in job.progress { progress.leave(group: 0) }
      job.run(2)
      #expect(job.said.count == 2 && job.said[1].finding.line.contains("goes on after 60"))
    }
  }

  @Test func aHostThatIsCutOffIsBlamedAndNobodyElse() {
    let job = Job(ranks: 160, perHost: 4)
    job.run(5)
    job.wait()
    // Its speaker has others below it, which are heard past it.
    let lost = Set(4..<8)
    job.isCut = { lost.contains($0) != lost.contains($1) }
    job.run(20)
    let others = job.ended.filter { !lost.contains($0.rank) }
    #expect(others.count == 1 && others[0].rank == 0 && Set(others[0].finding.ranks) == lost)
    #expect(job.gone.count == 160)
  }

  @Test func anotherRankJudgesWhereTheFirstIsAway() {
    for isWhole in [false, true] {
      let job = Job(ranks: 160, perHost: 4)
      job.run(5)
      job.wait()
      let lost = isWhole ? Set(0..<4) : [0]
      job.stopped = lost
      job.run(20)
      #expect(job.ended.count == 1 && Set(job.ended[0].finding.ranks) == lost, "\(job.ended)")
      #expect(job.ended.first?.rank == (isWhole ? 4 : 1))
      #expect(job.gone.count == 160 - lost.count)
    }
  }

  /// A machine is cut off while the only rank that is left hangs, so that nobody waits for anybody; or all hang.
  @Test func aJobWithoutAnyProgressEndsThoughNobodyWaits() {
    for isCutOff in [true, false] {
      let job = Job(ranks: 4, perHost: isCutOff ? 1 : 4)
      job.run(5)
      for progress in job.progress { progress.enter(.forward, step: 3) }
      job.run(1)
      if isCutOff { job.isCut = { ($0 == 0) != ($1 == 0) } }
      job.run(20)
      #expect(job.gone.count == 4)
      let end = job.ended.first { $0.rank == 0 }?.finding
      #expect(Set(end?.ranks ?? []) == [0, 1, 2, 3], "\(job.ended)")
      #expect(end?.line.contains("without any progress") == true, "\(job.ended)")
    }
  }

  @Test func whoComputesInAJobInWhichNobodyWaitsIsLeftAlone() {
    let job = Job(ranks: 8, perHost: 4)
    job.computing = [5]
    job.run(600)
    #expect(job.ended.isEmpty && job.said.isEmpty, "\(job.said)")
  }

  /// Ranks have waited long for one that has just become silent: until it is known what it is at nobody is named, the network neither.
  @Test func aLineWaitsUntilItIsKnownWhoIsAway() {
    for away in [0.5, 1, 3, 4] {
      for isDeaf in [false, true] {
        let job = Job(ranks: 8, perHost: 4)
        job.run(5)
        job.computing = [6]
        job.wait(except: [6])
        job.run(5 - away)
        if isDeaf { job.isDropped = { ($0 / 4) != ($1 / 4) } } else { job.stopped = [6] }
        job.run(8.5)
        // Machines that hear nothing of each other each tell it.
        let lines = job.said.filter { !$0.finding.line.hasPrefix("goes on") }
        #expect(!lines.isEmpty && lines.allSatisfy { $0.finding.ranks == [6] }, "\(away) s, \(job.said)")
        let isSilent = lines.contains { $0.finding.line.contains("silent") }
        #expect(isSilent == (!isDeaf && away > 2), "\(away) s, \(job.said)")
      }
    }
  }

  /// What a rank is at goes up by way of another one, which is asked now and then, since datagrams to it are dropped: that the rank computed
  /// some seconds ago is no reason to name it.
  @Test func whoHasWaitedForSecondsIsNotNamedForOldNews() {
    for (early, later) in (0..<8).flatMap({ early in (0..<8).map { (Double(early) / 2, Double($0) / 2) } }) {
      let job = Job(ranks: 4, perHost: 2)
      job.run(5)
      job.computing = [0, 1, 2, 3]
      job.isDropped = { $0 / 2 != $1 / 2 }
      job.run(early)
      job.computing = [3]
      job.wait(except: [1, 3])
      job.run(later)
      job.computing = []
      job.progress[3].enter(.allReduce, group: 0)
      let entered = job.now
      job.isDropped = { $0 / 2 != $1 / 2 || ($0, $1) == (3, 2) }
      job.run(12)
      for (line, time) in zip(job.said, job.times) where line.finding.ranks.contains(3) {
        #expect(time - entered <= .seconds(2), "\(early) s, \(later) s, \(line)")
      }
      #expect(job.ended.contains { $0.finding.ranks == [1] }, "\(early) s, \(later) s, \(job.ended)")
    }
  }

  /// Who started the job hears of one rank that it watches, and of another one where that is stopped.
  @Test func oneRankSaysThatItWatches() {
    let job = Job(ranks: 8, perHost: 4)
    job.run(10)
    #expect(Set(job.told) == [0] && job.told.count >= 19)
    job.wait()
    job.stopped = [0]
    job.told = []
    job.run(8)
    #expect(Set(job.told) == [1])
  }

  /// From the beginning, or later; between all hosts or of one.
  @Test func datagramsThatAreDroppedEndNoJob() {
    for isEarly in [false, true] {
      for hosts in [[2], Array(0..<10)] {
        let job = Job(ranks: 40, perHost: 4)
        let drops: (Int, Int) -> Bool = { a, b in
          a / 4 != b / 4 && (hosts.contains(a / 4) || hosts.contains(b / 4))
        }
        if isEarly { job.isDropped = drops }
        job.run(5)
        job.isDropped = drops
        job.computing = [10]
        job.wait(except: [10])
        job.run(300)
        #expect(job.ended.isEmpty, "\(job.ended)")
        // Now it hangs: it is the one that is blamed, by whoever judges; who is not told may miss the others that ended then.
        job.computing = []
        job.run(40)
        #expect(job.ended.first?.finding.ranks == [10], "\(job.ended)")
      }
    }
  }

  /// Where neither way is open, a rank that was never heard is not judged.
  @Test func whoWasNeverHeardIsNotBlamed() {
    let job = Job(ranks: 8, perHost: 4)
    job.isCut = { $0 / 4 != $1 / 4 }
    job.wait(except: [6])
    job.run(300)
    #expect(job.ended.isEmpty)
    #expect(job.said.count == 1 && job.said[0].finding.line.contains("never heard"), "\(job.said)")
  }

  @Test func aLostMessageOfTheNetworkIsNobodysFault() {
    let job = Job(ranks: 40, perHost: 4)
    job.wait()
    job.run(20)
    #expect(job.ended.count == 1 && job.ended[0].finding.ranks.isEmpty)
    #expect(job.ended[0].finding.line.contains("the network: every rank is heard and waits"))
  }

  /// Workers wait for one of them, the coordinator for the first worker, who is not to blame.
  @Test func whoWaitsItselfIsNotBlamed() {
    let job = Job(ranks: 6, perHost: 2)
    for progress in job.progress { #expect(progress.addGroup(1..<6) == 1 && progress.addGroup(0..<2) == 2) }
    job.run(3)
    job.progress[0].enter(.broadcast, group: 2)
    for rank in [1, 2, 4, 5] { job.progress[rank].enter(.allReduce, group: 1) }
    job.run(20)
    #expect(job.ended.map(\.finding.ranks) == [[3]], "\(job.ended)")
  }

  /// The coordinator has waited longest, for a worker that waits itself: named is whom that one waits for.
  @Test func whoWaitsForAWaitingRankNamesTheOneThatIsAway() {
    let job = Job(ranks: 6, perHost: 6)
    for progress in job.progress { #expect(progress.addGroup(1..<6) == 1 && progress.addGroup(0..<2) == 2) }
    job.run(2)
    job.computing = Set(1..<6)
    job.progress[0].enter(.broadcast, group: 2)
    job.run(2)
    for rank in [1, 2, 4, 5] { job.progress[rank].enter(.allReduce, group: 1) }
    job.computing = []
    job.stopped = [3]
    job.run(20)
    #expect(job.said.first?.finding.ranks == [3], "\(job.said)")
    #expect(job.ended.map(\.finding.ranks) == [[3]], "\(job.ended)")
  }

  /// A process that was stopped, or whose machine slept, blames nobody for the time in between.
  @Test func sleepCountsForNothing() {
    let job = Job(ranks: 4, perHost: 2)
    job.run(3)
    job.computing = [2]
    job.wait(except: [2])
    job.run(3)
    job.now += .seconds(600)
    job.run(8)
    #expect(job.ended.isEmpty, "\(job.ended)")
  }
}
