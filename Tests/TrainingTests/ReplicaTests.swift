import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// A bit that flips in one rank's parameters is found, and the rank named.
@Suite(.tags(.fast)) struct ReplicaTests {
  /// Trains with a bit flipped before step 5 on one rank, and gives the error of each rank.
  private func failures(ranks: Int, victim: Int, bit: Int, _ overrides: String...) throws -> [Failure?] {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["distributed.replica_check_every=3"] + overrides)
    return try Threaded.withRanks(ranks) { group in
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/run"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      trainer.faults = { step, parameters in
        guard group.rank == victim, step == 4 else { return }
        let (index, shift) = (bit / 32 % parameters.count, UInt32(bit % 32))
        parameters[index] = Float(bitPattern: parameters[index].bitPattern ^ 1 << shift)
      }
      do { _ = try trainer.run() } catch { return error as? Failure }
      return nil
    }
  }

  @Test(arguments: [(3, 0), (3, 2), (4, 1), (2, 1)]) func theRankIsNamed(ranks: Int, victim: Int) throws {
    let failures = try failures(ranks: ranks, victim: victim, bit: 32 * 50)
    for failure in failures {
      #expect(failure?.kind == .internalError)
      let message = try #require(failure?.message)
      #expect(message.hasPrefix("rank \(victim) on ") && message.contains("at step 6"), "\(message)")
      #expect(message.contains(" and rank 0 on ") == (ranks == 2), "\(message)")
    }
  }

  @Test func anyBitOfAnyParameter() throws {
    for _ in 0..<10 {
      // The lowest bits of a small parameter may be rounded away again by the next update, which is larger than it.
      let bit = 32 * Int.random(in: 0..<186) + Int.random(in: 12..<32)
      // A flip in the exponent may make the loss overflow: then the step is skipped, and the bit is still there.
      let failures = try failures(ranks: 3, victim: 1, bit: bit)
      #expect(failures.allSatisfy { $0?.message.hasPrefix("rank 1 on ") == true }, "bit \(bit)")
    }
  }

  /// What rank 0 has read from a checkpoint arrives with a wrong bit on some ranks: no step is taken.
  @Test(arguments: [([1], "rank 1"), ([2], "rank 2"), ([1, 2], "ranks 1, 2")])
  func otherParametersAtTheStartAreNamed(victims: [Int], names: String) throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("train.epochs=1")
    let saved = try run.train(recipe, out: "saved")
    let failures = try Threaded.withRanks(3) { group -> Failure? in
      let observed = ObservedGroup(group)
      var isFirst = true
      observed.arrived = { bytes in
        if isFirst, victims.contains(group.rank) { bytes[bytes.count / 2] ^= 4 }
        isFirst = false
      }
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/run"
      options.resume = .file(saved.checkpoint)
      do {
        _ = try Trainer(
          recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: observed)
      } catch { return error as? Failure }
      return nil
    }
    for failure in failures {
      #expect(failure?.kind == .badData)
      let expected =
        "the start of the parameters of \(names) is not that of rank 0; check that rank's machine"
      #expect(failure?.message == expected)
    }
  }

  @Test func offMeansOff() throws {
    #expect(
      try failures(ranks: 2, victim: 1, bit: 0, "distributed.replica_check_every=0").allSatisfy { $0 == nil })
  }

  @Test(arguments: [1, 63, 64, 65, 4096, 4259]) func theHashSeesEveryBit(count: Int) {
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131) }
    let hash = bytes.withUnsafeBytes { fastHash($0) }
    for bit in 0..<8 * count {
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect(bytes.withUnsafeBytes { fastHash($0) } != hash)
      bytes[bit / 8] ^= 1 << (bit % 8)
    }
    bytes.append(0)
    #expect(bytes.withUnsafeBytes { fastHash($0) } != hash)
  }

  /// A file is read in pieces of 256 KiB: what differs in any of them, or lies in another one, is seen.
  @Test func theHashOfAFileSeesEachPiece() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func hash(_ bytes: [UInt8]) throws -> String? {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return fileHash(path)
    }
    let piece = 1 << 18
    let bytes = (0..<2 * piece + 7).map { UInt8(truncatingIfNeeded: ($0 / 3) &* 131) }
    let right = try #require(try hash(bytes))
    #expect(try hash(bytes) == right)
    for place in [0, piece - 1, piece, 2 * piece, bytes.count - 1] {
      var wrong = bytes
      wrong[place] ^= 1
      #expect(try hash(wrong) != right, "byte \(place)")
    }
    #expect(try hash(Array(bytes[piece..<2 * piece] + bytes[..<piece] + bytes[(2 * piece)...])) != right)
    #expect(try hash(Array(bytes.dropLast())) != right)
    #expect(fileHash(path + ".none") == nil)
  }
}
