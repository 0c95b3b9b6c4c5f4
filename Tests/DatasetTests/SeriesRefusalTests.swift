import Dataset
import Foundation
import TestSupport
import Testing

/// Tables of series that can't be what was meant.
@Suite(.tags(.fast)) struct SeriesRefusalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func specification(
    _ rows: [String], _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> DataSpecification {
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", (["t,s,x"] + rows).joined(separator: "\n") + "\n"))
    (data.features, data.targets, data.time, data.series) = (["x"], ["x"], "t", ["s"])
    (data.window, data.horizon) = (3, 1)
    change(&data)
    return data
  }

  private func failure(_ rows: [String], _ change: (inout DataSpecification) -> Void) throws -> String {
    let data = try specification(rows, change)
    return message(folder) { _ = try LoadedData(data) }
  }

  private func panel(_ rows: Int) -> [String] {
    ["A", "B", "C"].flatMap { name in (0..<rows).map { "\($0),\(name),\($0 % 5)" } }
  }

  /// A part that was asked for is there, whatever its share is of.
  @Test func noShareIsSilentlyEmpty() throws {
    for unit in [DataSpecification.SplitUnit.windows, .rows] {
      let text = try failure(panel(20)) {
        $0.split = .init(train: .fraction(0.999), validation: .fraction(0.001), test: .rest)
        $0.split.unit = unit
      }
      #expect(
        text.hasPrefix("data.split.validation: 0.001 comes out as none of the 51 samples of d.csv (train "),
        "\(unit): \(text)")
      #expect(text.contains("validation 0, test"), "\(text)")
    }
    let rows = try failure(panel(20)) {
      ($0.split, $0.horizons) = (.init(train: .rest, validation: .count(2)), [1, 2, 3])
      $0.split.unit = .rows
    }
    #expect(rows.hasPrefix("data.split.validation: 2 comes out as none of the 45 samples"), "\(rows)")
    let count = try specification(panel(20)) { $0.split = .init(train: .rest, validation: .count(0)) }
    #expect(try LoadedData(count).validation == nil)
    // One short series among several may have none.
    let short = try specification(panel(20) + (0..<4).map { "\($0),D,1" }) {
      $0.split = .init(train: .fraction(0.8), validation: .fraction(0.2))
    }
    #expect(try LoadedData(short).validation != nil)
  }

  @Test func theLongestOfShortSeriesIsNamed() throws {
    let text = try failure(panel(2) + ["2,B,1"]) { _ in }
    #expect(text.contains("is longer than each of its 3 series; the longest, 'B', has 3 rows"), "\(text)")
    let one = try failure(["0,A,1", "1,A,2"]) { _ in }
    #expect(one.contains("is longer than series 'A', which has 2 rows"), "\(one)")
  }

  @Test func aFileIsNamedOnce() throws {
    let rows = "t,x\n" + (0..<9).map { "\($0),\($0 % 4)" }.joined(separator: "\n") + "\n"
    for name in ["a-1.csv", "a-2.csv"] { try folder.write(name, rows) }
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link.csv", withDestinationPath: "a-1.csv")
    func failure(_ paths: String...) throws -> String {
      var data = DataSpecification(format: .csv, path: "")
      data.paths = paths.map { folder.path + "/" + $0 }
      (data.features, data.targets, data.time, data.window) = (["x"], ["x"], "t", 2)
      return message(folder) { _ = try LoadedData(data) }
    }
    #expect(try failure("a-*.csv") == "nothing thrown")
    #expect(try failure("a-1.csv", "a-1.csv").contains("stands in it twice; name it once"))
    #expect(try failure("a-*.csv", "a-2.csv").contains("data.paths: "))
    let linked = try failure("a-*.csv", "link.csv")
    #expect(linked.contains("are the same file; name it once") && linked.contains("link.csv"), "\(linked)")
  }

  @Test func aColumnOfTimesIsNoSeries() throws {
    let text = try failure(panel(9)) {
      ($0.series, $0.features, $0.targets, $0.wide) = ([], [], [], ["t", "x"])
    }
    #expect(text == "data.time 't' is also in data.wide")
  }

  @Test func wholeNumbersMayBeLarge() throws {
    let start = 1_709_251_200_000_000_000
    let data = try specification((0..<9).map { "\(start + $0 * 1_000_000_000),A,\($0)" })
    #expect(try LoadedData(data).places?.time(of: 0) == "\(start + 3 * 1_000_000_000)")
    for time in ["99999999999999999999", "-5000000000000000000"] {
      let text = try failure(["\(time),A,1", "2,A,1"]) { _ in }
      #expect(text.contains("line 2, column 't': '\(time)' is too large for a time"), "\(text)")
      let later = try failure(["1,A,1", "\(time),A,1"]) { _ in }
      #expect(later.contains("line 3, column 't': '\(time)' is too large for a time"), "\(later)")
    }
  }

  /// Nobody knows how a time without an offset follows on one that has it.
  @Test func offsetsAreOfAllTimesOrNone() throws {
    func rows(_ ends: [String]) -> [String] {
      ends.enumerated().map { "2024-01-01T0\($0):00\($1),A,\($0)" }
    }
    let mixed = try failure(rows(["Z", "+01:00", "", "Z", "", "Z"])) { _ in }
    #expect(
      mixed.hasPrefix(
        "d.csv, line 4, column 't': the time '2024-01-01T02:00' has no offset from UTC, and '2024-01-01T00:00Z' in line 2 has one"
      ), "\(mixed)")
    for ends in [["Z", "+00:30", "-00:10", "Z", "Z", "Z"], ["", "", "", "", "", ""]] {
      #expect(try failure(rows(ends)) { _ in } == "nothing thrown")
    }
  }

  @Test func whatTrainingDidNotSeeIsCounted() throws {
    let rows = (0..<20).map { "\($0),\($0 < 12 ? "A" : ["é", "e\u{301}", "x"][$0 % 3]),\($0)" }
    let data = try specification(rows) {
      ($0.series, $0.categorical, $0.split) = ([], ["s"], .init(train: .count(9), test: .rest))
    }
    let unseen = try LoadedData(data).unseenCategories
    #expect(
      unseen.map(\.column) == ["s"]
        && unseen[0].values.map { Array($0.utf8) }
          == ["é", "e\u{301}", "x"].map { Array($0.utf8) }
    )
    #expect(try LoadedData(data, categoryNames: [["A", "x", "é", "e\u{301}"]]).unseenCategories.isEmpty)
  }
}
