import CUDA
import Devices
import Diagnostics
import Files
import Foundation
import TestSupport
import Testing
import Training

/// The choice of an engine: steps are really taken, on the processor, and an injected clock says what they cost.
@Suite(.tags(.long)) struct EngineChoiceTests {
  private let check = DeviceCheck.all[0]

  private func withFolder(_ body: (CacheFolder, URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "engines-\(UUID().uuidString)/deep")
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    try body(CacheFolder(folder.path), folder)
  }

  /// Chooses with a clock that counts what `cost` says of the launches so far; also which engines took steps.
  private func choose(
    _ files: CacheFolder, _ executor: ShimExecutor = ShimExecutor(), forced: Engine? = nil,
    cost: @escaping @Sendable (ShimExecutor) -> Double = { Double($0.launches) }
  ) throws -> (EngineChoice, tried: [Engine]) {
    nonisolated(unsafe) let counted = executor
    let chooser = EngineChooser(files: files, seconds: { cost(counted) })
    var tried: [Engine] = []
    let choice = try chooser.choose(check.plan(on: executor), forced: forced) { engine in
      tried.append(engine)
      return {
        _ = try check.on(executor, steps: 1, engine: engine)
        return 1
      }
    }
    return (choice, tried)
  }

  @Test func theCheapestIsTakenAndRemembered() throws {
    let able = Engine.able(check.plan(on: ShimExecutor()))
    try withFolder { files, _ in
      let (few, tried) = try choose(files)
      #expect(tried == able && few.reason == .timed && few.engine != .stepwise)
      #expect(few.milliseconds.min { $0.value < $1.value }?.key == few.engine)
      let (again, triedAgain) = try choose(files)
      #expect(again.engine == few.engine && again.reason == .remembered && triedAgain.isEmpty)
      #expect(again.milliseconds == few.milliseconds)
    }
    try withFolder { files, _ in
      // The clock runs backwards: the one with the most launches takes the least time.
      let (dear, _) = try choose(files, cost: { -Double($0.launches) })
      #expect(dear.engine == .stepwise)
    }
  }

  @Test func anotherDeviceBatchOrPrecisionIsTimedAnew() throws {
    try withFolder { files, _ in
      _ = try choose(files)
      let device = ShimExecutor()
      device.traits.identity = "another device"
      #expect(try choose(files, device).0.reason == .timed)
      #expect(try choose(files, ShimExecutor(precision: .tf32)).0.reason == .timed)
      #expect(try choose(files).0.reason == .remembered)
    }
  }

  @Test func aForcedEngineIsTakenOrRefused() throws {
    try withFolder { files, _ in
      let (choice, tried) = try choose(files, forced: .stepwise)
      #expect(choice == EngineChoice(.stepwise, .forced) && tried.isEmpty)
    }
    let wide = DeviceCheck(.lstm, hidden: 165)
    let executor = ShimExecutor()
    #expect(throws: (any Error).self) {
      try EngineChooser().choose(wide.plan(on: executor), forced: .walk) { _ in { 1 } }
    }
    let only = try EngineChooser().choose(wide.plan(on: executor)) { _ in { 1 } }
    #expect(only == EngineChoice(.stepwise, .only))
  }

  /// An engine whose library does not work is passed over; what the recipe is to blame for is told.
  @Test func anEngineThatRefusesIsPassedOver() throws {
    let plan = check.plan(on: ShimExecutor())
    try withFolder { files, _ in
      func choose(_ kind: Failure.Kind, refusing: Set<Engine>) throws -> EngineChoice {
        try EngineChooser(files: files).choose(plan) { engine in
          if refusing.contains(engine) { throw Failure(kind, "\(engine) does not work") }
          return { 1 }
        }
      }
      let all = Set(Engine.able(plan))
      #expect(throws: Failure.self) { try choose(.unavailable, refusing: all) }
      #expect(throws: Failure.self) { try choose(.badData, refusing: [.walk]) }
      let choice = try choose(.unavailable, refusing: all.subtracting([.walk]))
      #expect(choice.engine == .walk && choice.reason == .timed && Set(choice.milliseconds.keys) == [.walk])
      let again = try choose(.badData, refusing: all)
      #expect(
        again.engine == .walk && again.reason == .remembered && again.milliseconds == choice.milliseconds)
    }
  }

  /// Whatever stands in the file, and where there is no place for one.
  @Test func aDamagedMemoryIsMadeAnew() throws {
    try withFolder { files, folder in
      let (choice, _) = try choose(files)
      let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first)
      let path = folder.appendingPathComponent(file)
      let text = try String(contentsOf: path, encoding: .utf8)
      let negative = text.replacingOccurrences(of: "walk ", with: "walk -")
      for damaged in ["", "x", text + "warp 1\n", negative, "a\n" + text] {
        try damaged.write(to: path, atomically: true, encoding: .utf8)
        #expect(try choose(files).0 == choice)
      }
    }
    #expect(try choose(CacheFolder(nil)).0.reason == .timed)
    #expect(try choose(CacheFolder("/dev/null/nowhere")).0.reason == .timed)
  }
}
