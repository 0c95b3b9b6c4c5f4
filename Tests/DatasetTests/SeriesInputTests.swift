import Batches
import Dataset
import TestSupport
import Testing

/// Tables of series that do not fit, and the other ways of writing one.
@Suite(.tags(.fast)) struct SeriesInputTests {
  private func message(_ text: String, _ change: (inout DataSpecification) -> Void) throws -> String {
    let folder = try TemporaryFolder()
    var data = DataSpecification(format: .csv, path: try folder.write("d.csv", text))
    (data.features, data.targets, data.series, data.time) = (["x"], ["x"], ["s"], "t")
    (data.window, data.horizon) = (2, 1)
    change(&data)
    return DatasetTests.message(folder) { _ = try LoadedData(data) }
  }

  private static let table =
    "t,s,x,c\n2024-01-01,a,1,u\n2024-01-02,a,2,u\n2024-01-03,a,3,v\n2024-01-04,a,4,v\n"

  @Test func badTablesAreRefusedInOneLine() throws {
    let t = Self.table
    func expect(_ text: String, _ expected: String, _ change: (inout DataSpecification) -> Void = { _ in })
      throws
    {
      #expect(try message(text, change) == expected)
    }
    #expect(
      try message(t) { $0.series = ["shop"] }.hasPrefix(
        "d.csv, line 1: there is no column 'shop' (data.series); "))
    try expect(
      t + "2024-01-03,a,5,u\n",
      "d.csv, line 6, column 't': two rows have the time '2024-01-03', lines 4 and 6; keep one of them, or name the column that tells series apart in data.series"
    )
    try expect(
      t + "2024-01-03,b,5,u\n2024-01-03,b,6,u\n",
      "d.csv, line 7, column 't': two rows of series 'b' have the time '2024-01-03', lines 6 and 7; keep one of them"
    )
    try expect(
      t + "2023-12-31,a,5,u\n",
      "d.csv, line 6, column 't': the time goes back, from '2024-01-04' to '2023-12-31'; sort the rows, or name the column that tells series apart in data.series"
    ) { $0.series = [] }
    #expect(
      try message(t + "soon,a,5,u\n") { _ in }.hasPrefix(
        "d.csv, line 6, column 't': 'soon' is not a time; a time is like"))
    #expect(try message(t + ",a,5,u\n") { _ in }.hasPrefix("d.csv, line 6, column 't': the time is missing"))
    #expect(
      try message(t + "2024-01-09,,5,u\n") { _ in }
        == "d.csv, line 6, column 's': the name of the series is missing; fill it or remove the row")
    try expect(t, "d.csv: data.window 4 with data.horizon 1 is longer than series 'a', which has 4 rows") {
      $0.window = 4
    }
    try expect(
      t + "2024-01-01,b,1,u\n",
      "d.csv: data.window 4 with data.horizon 1 is longer than each of its 2 series; the longest, 'a', has 4 rows"
    ) { $0.window = 4 }
    try expect(
      "t,s,x\n1,a,1\n2,a,2\n3,a,3\n",
      "d.csv: data.calendar needs dates, and the column 't' has whole numbers; remove data.calendar"
    ) { $0.calendar = [.hour] }
  }

  @Test func keysThatDoNotGoTogether() throws {
    func expect(_ expected: String, _ change: (inout DataSpecification) -> Void) throws {
      #expect(try message(Self.table, change).hasPrefix(expected))
    }
    try expect("data.categorical 'x' is also in data.features") { $0.categorical = ["x"] }
    try expect("data.known 'x' is also in data.features") { $0.known = ["x"] }
    try expect("data.scale_per: series needs data.series") { ($0.series, $0.scalePer) = ([], .series) }
    try expect("data.split.by: series needs data.series") { ($0.series, $0.split.unit) = ([], .series) }
    try expect("data.split.by: time needs data.time") { ($0.time, $0.split.unit) = (nil, .time) }
    try expect("data.calendar needs data.time") { ($0.time, $0.calendar) = (nil, [.month]) }
    try expect("data.split.train: '2024-01-02' is a time; set data.split.by to time") {
      $0.split.train = .until("2024-01-02")
    }
    try expect("data.split.train: 'x1' is not a time as the column 't' has them") {
      ($0.split.unit, $0.split.train) = (.time, .until("x1"))
    }
    try expect(
      "data.split.validation ends at 2024-01-02, where no time is left for it; the times of d.csv go from 2024-01-01 to 2024-01-04"
    ) {
      ($0.split.unit, $0.split.train, $0.split.validation) = (
        .time, .until("2024-01-03"), .until("2024-01-02")
      )
    }
    try expect("data.group 'x' is also in data.features") { $0.group = "x" }
    try expect("data.decimal and data.thousands are both '.'") { $0.thousands = "." }
  }

  @Test func aStaticColumnIsOneValue() throws {
    let text = "t,s,x,k\n1,a,1,5\n2,a,2,5\n3,a,3,6\n"
    #expect(
      try message(text) { $0.statics = ["k"] }
        == "d.csv, line 4, column 'k': data.static wants one value in all rows of a series, and the rows before have 5.0; name the column in data.features instead"
    )
  }

  @Test func aTableMayHaveTheNewestRowFirst() throws {
    let folder = try TemporaryFolder()
    func load(_ days: [Int]) throws -> LoadedData {
      let rows = days.map { "2024-01-0\($0),\($0)" }.joined(separator: "\n")
      var data = DataSpecification(format: .csv, path: try folder.write("d.csv", "t,x\n" + rows + "\n"))
      (data.features, data.targets, data.time, data.window, data.horizon) = (["x"], ["x"], "t", 2, 1)
      return try LoadedData(data)
    }
    let batch = try load([5, 4, 3, 2, 1]).train!.batch([0, 1, 2])
    #expect(Array(batch.inputs) == [1, 2, 3, 2, 3, 4] && (0..<3).map { batch.values[$0] } == [3, 4, 5])
    #expect(
      try load([5, 4, 3, 2, 1]).rows == [2, 1, 0] && load([5, 4, 3, 2, 1]).places?.origin(of: 2) == 3)
    for days in [[5, 4, 3, 1, 2], [5, 4, 4, 3], [1, 2, 3, 2]] {
      #expect(DatasetTests.message(folder) { _ = try load(days) }.contains("data.series"), "\(days)")
    }
  }

  /// A wide table, a file for each series and one long table are the same samples.
  @Test func threeWaysOfWritingSeries() throws {
    let folder = try TemporaryFolder()
    let days = (1...9).map { "2024-01-0\($0)" }
    func x(_ series: Int, _ day: Int) -> Int { 10 * series + day * day % 7 }
    let long = days.indices.flatMap { day in
      [0, 1].map { "\(days[day]),\("ab".dropFirst($0).prefix(1)),\(x($0, day))" }
    }
    var one = DataSpecification(
      format: .csv, path: try folder.write("long.csv", "t,s,value\n" + long.joined(separator: "\n")))
    (one.features, one.targets, one.series, one.time) = (["value"], ["value"], ["s"], "t")
    (one.window, one.horizon, one.scale, one.scalePer) = (3, 1, .standard, .series)
    one.split = .init(train: .fraction(0.5), test: .rest)
    var wide = one
    wide.path = try folder.write(
      "wide.csv",
      "t,a,b\n" + days.indices.map { "\(days[$0]),\(x(0, $0)),\(x(1, $0))" }.joined(separator: "\n"))
    (wide.series, wide.features, wide.targets, wide.wide) = ([], [], [], ["*"])
    var several = one
    for (place, name) in ["a", "b"].enumerated() {
      let rows = days.indices.map { "\(days[$0]),\(x(place, $0))" }.joined(separator: "\n")
      try folder.write("part-\(name).csv", "t,value\n\(rows)\n")
    }
    (several.path, several.paths, several.series) = ("", ["\(folder.path)/part-*.csv"], [])
    func arrays(_ data: DataSpecification) throws -> [[Float]] {
      let loaded = try LoadedData(data)
      return [loaded.train, loaded.test].flatMap { set -> [[Float]] in
        let batch = set!.batch((0..<Int32(set!.count)).map { $0 })
        return [Array(batch.inputs), (0..<batch.count).map { batch.values[$0] }]
      }
    }
    let expected = try arrays(one)
    #expect(expected[1].count == 6 && expected[3].count == 6)
    #expect(try arrays(wide) == expected && arrays(several) == expected)
    #expect(try LoadedData(wide).places?.series(of: 0) == "a")
    #expect(try LoadedData(several).places?.series(of: 0) == "part-a.csv")
    several.paths = ["\(folder.path)/none-*.csv"]
    #expect(
      DatasetTests.message(folder) { _ = try LoadedData(several) }.hasPrefix("data.paths: no file fits '"))
  }

  @Test func numbersAreWrittenInManyWays() throws {
    let folder = try TemporaryFolder()
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "x;y\n1.234,5;true\n-2,25;False\n-999;TRUE\n7;false\n"))
    (data.features, data.targets, data.delimiter) = (["x", "y"], ["y"], ";")
    (data.decimal, data.thousands, data.missing, data.gaps) = (",", ".", ["-999"], .mask)
    let set = try LoadedData(data).train!
    let batch = set.batch([0, 1, 2, 3])
    let mean = Float((1234.5 - 2.25 + 7) / 3)
    #expect(Array(batch.inputs) == [1234.5, 1, 1, 1, -2.25, 0, 1, 1, mean, 1, 0, 1, 7, 0, 1, 1])
    data.missing = nil
    let plain = try LoadedData(data).train!.batch([2])
    #expect(Array(plain.inputs) == [-999, 1, 1, 1])
  }

  private func codes(_ set: any SampleSet) -> [Int32] {
    let batch = set.batch((0..<Int32(set.count)).map { $0 })
    return (0..<batch.count).map { batch.categories![$0] }
  }

  @Test func categoriesThatTrainingDidNotSeeAreUnseen() throws {
    let folder = try TemporaryFolder()
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "x,c\n1,b\n2,a\n3,b\n4,z\n5,a\n"))
    (data.features, data.targets, data.categorical) = (["x"], ["x"], ["c"])
    data.split = .init(train: .count(3), test: .rest)
    let loaded = try LoadedData(data)
    #expect(loaded.categoryNames == [["a", "b"]] && loaded.shape.categories == [3])
    #expect(codes(loaded.test!) == [0, 1])
    let again = try LoadedData(data, categoryNames: [["z"]])
    #expect(codes(again.test!) == [1, 0] && codes(again.train!) == [0, 0, 0])
  }

  /// By numpy: (x[3:] - x[2:-1]) and so on, mean and deviation of each horizon over the training part's rows.
  @Test func aTargetMayBeItsChange() throws {
    let folder = try TemporaryFolder()
    let x: [Double] = [1, 2, 4, 7, 11, 16, 22, 29]
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "x\n" + x.map { "\($0)" }.joined(separator: "\n")))
    (data.features, data.targets, data.window, data.horizons) = (["x"], ["x"], 3, [1, 2])
    data.isRelative = true
    let plain = try LoadedData(data).train!
    let batch = plain.batch([0, 3])
    #expect((0..<4).map { batch.values[$0] } == [3, 7, 6, 13])
    #expect(plain.targetBase(of: 0) == [4] && plain.targetBase(of: 3) == [16])
    data.scale = .standard
    let scaled = try LoadedData(data)
    let changes = [1, 2].map { h in (0..<8 - h).map { x[$0 + h] - x[$0] } }
    for (column, values) in zip(scaled.scaler!.targets, changes) {
      let mean = values.reduce(0, +) / Double(values.count)
      #expect(abs(column.offset - mean) < 1e-12)
    }
    data.perStep = true
    #expect(
      message(folder) { _ = try LoadedData(data) }.hasPrefix("data.relative is for numbers after a window"))
  }

  /// A change counts from the last value that the window's series has, its own rows and those before; before the first it is unknown.
  @Test func aChangeCountsFromTheLastObservedValue() throws {
    let folder = try TemporaryFolder()
    let rows = [("a", [1, nil, nil, 8, 9]), ("b", [nil, nil, 5, nil, 7])] as [(String, [Double?])]
    let lines = rows.flatMap { name, values in values.map { "\(name),\($0.map { "\($0)" } ?? "")" } }
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "s,x\n" + lines.joined(separator: "\n") + "\n"))
    (data.series, data.features, data.targets) = (["s"], ["x"], ["x"])
    (data.window, data.horizon, data.gaps, data.isRelative) = (2, 1, .mask, true)
    let samples = try LoadedData(data).train!
    let batch = samples.batch([0, 1, 2, 3, 4, 5])
    let changes = (0..<6).map { batch.values[$0] }
    #expect(changes.map { $0.isNaN } == [true, false, false, true, true, false])
    #expect(Array(changes[1...2]) == [7, 1] && changes[5] == 2)
    let bases = (0..<6).map { samples.targetBase(of: $0)![0] }
    #expect(Array(bases[..<3]) == [1, 1, 8] && bases[3].isNaN && Array(bases[4...]) == [5, 5])
    // Another file whose last row lacks the target, where gaps are otherwise refused.
    (data.gaps, data.areTargetsOptional, data.features) = (.refuse, true, ["f"])
    data.path = try folder.write("n.csv", "s,x,f\na,3,1\na,,1\na,,1\n")
    let new = try LoadedData(data).train!
    #expect((0..<2).map { new.targetBase(of: $0)! } == [[3], [3]])
  }

  private func message(_ folder: TemporaryFolder, _ body: () throws -> Void) -> String {
    DatasetTests.message(folder, body)
  }
}
