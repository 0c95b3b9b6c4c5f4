import Batches
import Dataset
import Foundation
import TestSupport
import Testing
import Training

/// The published stock example on its own file, which is not part of this repository.
@Suite(
  "The stock example on KOSPI", .tags(.fast),
  .enabled(if: KOSPI.exists, "\(KOSPI.path) is not there (RECUR_SHARED names its folder)"))
struct StockExampleTests {
  @Test func `first row as scaled, and the number of windows`() throws {
    let data = try LoadedData(KOSPI.recipe("stock-rnn").data)
    let train = try #require(data.train)
    let test = try #require(data.test)
    #expect(train.count == 200)
    #expect(train.count + test.count == 426)
    #expect(train.shape == SampleShape(steps: 5, features: 4, target: .values(width: 1)))
    let printed = train.arrays([0]).inputs.prefix(4).map { ($0 * 1e6).rounded() / 1e6 }
    #expect(printed == [0.722898, 0.732351, 0.745525, 0.242113])
    // The target of sample 0 is the row after its window; the first row's own is 0.759235.
    let scaler = try #require(data.scaler)
    #expect(abs(scaler.method.scale(2206.199951, scaler.targets[0]) - 0.759235) < 5e-7)
  }
}

enum KOSPI {
  static let path: String = {
    let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../shared").standardizedFileURL.path
    return (ProcessInfo.processInfo.environment["RECUR_SHARED"] ?? beside) + "/data/kospi/kospi.csv"
  }()
  static var exists: Bool { FileManager.default.fileExists(atPath: path) }

  static func recipe(_ name: String) throws -> Recipe {
    let file = recipeFolder.appendingPathComponent("\(name).yaml").path
    return try Recipe(contentsOf: file, overrides: ["data.path=\(path)"])
  }
}
