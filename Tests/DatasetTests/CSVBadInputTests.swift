import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// What a CSV file or its part of a recipe can have wrong: one line that names file, line and column or the key.
@Suite(.tags(.fast)) struct CSVBadInputTests {
  private func failure(
    _ text: String, _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> String {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", text))
    specification.features = ["a", "b"]
    specification.targets = ["c"]
    change(&specification)
    let message = message(folder) { _ = try LoadedData(specification) }
    #expect(!message.contains("\n"))
    return message
  }

  @Test(arguments: [";", "\t", "|"]) func anotherDelimiterIsSeen(_ mark: String) throws {
    #expect(
      try failure("a\(mark)b\(mark)c\n1\(mark)2\(mark)3\n").hasPrefix(
        "d.csv, line 1: there is no column 'a' (data.features); the only one is 'a"))
    #expect(try failure("a;b;c\n1;2;3\n").hasSuffix("'a;b;c', whose parts ';' sets apart (data.delimiter)"))
  }

  @Test(arguments: [
    ("", "d.csv: is empty"), ("\n\n", "d.csv: is empty"), ("\u{FEFF}", "d.csv: is empty"),
    ("a,b,c\n", "d.csv: has a header but no rows"), ("a,b,c", "d.csv: has a header but no rows"),
    ("a,b,c\n1,2,3\n1,2\n", "d.csv, line 3: has 2 fields, the header has 3"),
    ("a,b,c\n1,2,3\n1,2,3,4\n", "d.csv, line 3: has 4 fields, the header has 3"),
    ("a,b,c\r\n1,2,3\r\n1,2,3,\r\n", "d.csv, line 3: has 4 fields, the header has 3"),
    ("a,b,c\n1,2,3\n\n1,2,3\n", "d.csv, line 3: is empty, the header has 3"),
    ("a,b,c\n1,2,3\n1", "d.csv, line 3: has 1 field, the header has 3"),
    ("a,b,c\r1,2,3\r1,x,3", "d.csv, line 3, column 'b': 'x' is not a number"),
    ("a,b,c,d\n1,2,3,\"x\ny\"\n1,2,3-,z", "d.csv, line 4, column 'c': '3-' is not a number"),
    (
      "a,b,c\n1,nan,3",
      "d.csv, line 2, column 'b': the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
    ),
    (
      "a,b,c\n1,2,-Inf",
      "d.csv, line 2, column 'c': '-Inf' is not a number"
    ),
    (
      "a,b,c\nnull,2,3",
      "d.csv, line 2, column 'a': the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
    ),
    (
      "a,b,c\n1,\"2,5\",3",
      "d.csv, line 2, column 'b': '2,5' is not a number; data.decimal and data.thousands say which marks numbers have"
    ),
    ("a,b,c\n1,0x1F,3", "d.csv, line 2, column 'b': '0x1F' is not a number"),
    ("a,b,c\n1,1e999,3", "d.csv, line 2, column 'b': '1e999' is too large for a number"),
    (
      "a,b,c\n1,1e39,3",
      "d.csv, line 2, column 'b': 1e+39 is too large for a 32-bit float; scale or change the column"
    ),
    (
      "a,b,c\n1,2,3\n1,,3",
      "d.csv, line 3, column 'b': the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
    ),
    (
      "a,b,c\n1,2,3\n1,\"2,3\n4,5,6",
      "d.csv, line 3, column 'b': a quotation mark opens here and never closes"
    ),
    ("a,b,c\n1,\"2\"x,3", "d.csv, line 2, column 'b': text follows a closing quotation mark"),
    ("a,\"b,c\n1,2,3", "d.csv, line 1: a quotation mark opens here and never closes"),
    ("a,b,b\n1,2,3", "d.csv, line 1: columns 2 and 3 are both called 'b' (data.features); rename one"),
    ("a,b,d\n1,2,3", "d.csv, line 1: there is no column 'c' (data.targets); the columns are 'a', 'b', 'd'"),
    ("a,B,c\n1,2,3", "d.csv, line 1: there is no column 'b' (data.features); the nearest is 'B'"),
    (
      "a,bottle,c\n1,2,3",
      "d.csv, line 1: there is no column 'b' (data.features); the columns are 'a', 'bottle', 'c'"
    ),
    ("a,b,c\n1,2\u{1},3", "d.csv, line 2, column 'b': '2\\u{1}' is not a number"),
  ])
  func text(_ text: String, _ expected: String) throws { #expect(try failure(text) == expected) }

  @Test func encodings() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", [0xFF, 0xFE, 97, 0]))
    (specification.features, specification.targets) = (["a"], ["b"])
    #expect(message(folder) { _ = try LoadedData(specification) } == "d.csv: is UTF-16; save it as UTF-8")
    try folder.write("d.csv", [0x1F, 0x8B, 8, 0])
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "d.csv: is truncated: its compressed data ends early")
    try folder.write("d.csv", Array("a,b\n1,".utf8) + [0xC3, 0x28, 0xFF])
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "d.csv, line 2, column 'b': '\u{FFFD}(\u{FFFD}' is not a number")
  }

  @Test func nearestColumnAndList() throws {
    let header = "Date,Open,High,Low,Close,Adj Close,Volume\n1,2,3,4,5,6,7"
    let near = try failure(header) { ($0.features, $0.targets) = (["Opne"], ["Close"]) }
    #expect(near == "d.csv, line 1: there is no column 'Opne' (data.features); the nearest is 'Open'")
    let far = try failure(header) { ($0.features, $0.targets) = (["Open"], ["temperature"]) }
    #expect(far.hasSuffix("the columns are 'Date', 'Open', 'High', 'Low', 'Close', 'Adj Close', 'Volume'"))
    let number = try failure("1,2") { ($0.header, $0.features, $0.targets) = (false, ["0"], ["2"]) }
    #expect(number == "d.csv: there is no column '2' (data.targets); without a header the columns are 0 to 1")
    let ragged = try failure("1,2\n1") { ($0.header, $0.features, $0.targets) = (false, ["0"], ["1"]) }
    #expect(ragged == "d.csv, line 2: has 1 field, the first row has 2")
    #expect(nearestName(to: "hidden", among: ["volume", "hiden", "x"]) == "hiden")
    #expect(nearestName(to: "zzz", among: ["volume"]) == nil)
  }

  @Test func gapsThatCannotBeFilled() throws {
    let leading = try failure("a,b,c\n,2,3\n1,2,3") { $0.gaps = .previous }
    #expect(
      leading
        == "d.csv, line 2, column 'a': no value stands before this gap, so data.gaps: previous can't fill it; remove the rows"
    )
    let trailing = try failure("a,b,c\n1,2,3\n1,2,") { $0.gaps = .linear }
    #expect(trailing.hasPrefix("d.csv, line 3, column 'c': no value stands after this gap"))
    let all = try failure("a,b,c\n,2,3\n1,,3") { $0.gaps = .drop }
    #expect(all == "d.csv: every row has an empty field; data.gaps: drop leaves none")
    let label = try failure("a,b,c\n1,2,x\n1,2,") { ($0.targets, $0.label, $0.gaps) = ([], "c", .linear) }
    #expect(label == "d.csv, line 3, column 'c': a text can't be filled in by data.gaps: linear; use drop")
    let empty = try failure("a,b,c\n1,2,x\n1,2,") { ($0.targets, $0.label) = ([], "c") }
    #expect(empty.hasPrefix("d.csv, line 3, column 'c': the value is missing"))
  }

  @Test func droppedRowsKeepTheirLines() throws {
    let message = try failure("a,b,c\n1,2,3\n,2,3\n1,2,1e300\n") { $0.gaps = .drop }
    #expect(message.hasPrefix("d.csv, line 4, column 'c': 1e+300 is too large for a 32-bit float"))
  }

  @Test(arguments: [(3, 0), (1, 2), (2, 1), (Int.max, 0), (1, Int.max), (Int.max, Int.max)])
  func windowLongerThanTheData(_ window: Int, _ horizon: Int) throws {
    let message = try failure("a,b,c\n1,2,3\n4,5,6\n") { ($0.window, $0.horizon) = (window, horizon) }
    #expect(
      message.hasPrefix("d.csv: data.window \(window)") && message.hasSuffix("is longer than its 2 rows"))
  }

  @Test func rangeTooWideToScale() throws {
    let message = try failure("a,b,c\n1,-1.7e308,3\n1,1.7e308,3") { $0.scale = .minmax }
    #expect(message.hasPrefix("d.csv, line 2, column 'b': the column's range is too wide to scale"))
  }

  @Test func keys() throws {
    let text = "a,b,c\n1,2,3\n"
    func expect(_ expected: String, _ change: (inout DataSpecification) -> Void) throws {
      #expect(try failure(text, change).hasPrefix(expected))
    }
    try expect("data.window must be at least 1, not 0") { $0.window = 0 }
    try expect("data.window must be at least 1, not -5") { $0.window = -5 }
    try expect("data.horizon must be at least 0, not -1") { $0.horizon = -1 }
    try expect("data.features is empty; name at least one column of d.csv") { $0.features = [] }
    try expect("the data has no target; set data.targets (numbers) or data.label") { $0.targets = [] }
    try expect("data.targets and data.label exclude each other") { $0.label = "c" }
    try expect("data.label 'a' is also in data.features") { ($0.targets, $0.label) = ([], "a") }
    try expect("data.features names 'a' twice") { $0.features = ["a", "a"] }
    try expect("data.targets names 'c' twice") { $0.targets = ["c", "c"] }
    for delimiter in ["", ",,", "\"", "\n", ".", "1", "x", "-", "é", "\u{0}"] {
      try expect("data.delimiter must be one character") { $0.delimiter = delimiter }
    }
    try expect("data.labels_path is for npy and idx; csv files hold their labels") { $0.labelsPath = "x" }
  }

  @Test func missingFiles() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: folder.path + "/none.csv")
    (specification.features, specification.targets) = (["a"], ["b"])
    #expect(
      throws: Failure.missingInput("\(folder.path)/none.csv: No such file or directory; check data.path")
    ) {
      _ = try LoadedData(specification)
    }
    specification.path = folder.path
    #expect(throws: Failure.missingInput("\(folder.path) is a folder, not a file; check data.path")) {
      _ = try LoadedData(specification)
    }
    specification.path = try folder.write("d.csv", "a,b\n1,2")
    specification.testPath = folder.path + "/test.csv"
    #expect(message(folder) { _ = try LoadedData(specification) }.hasSuffix("check data.test_path"))
    let sparse = try folder.write("sparse.csv", "")
    if truncate(sparse, 1 << 42) == 0 {
      specification.testPath = sparse
      #expect(
        message(folder) { _ = try LoadedData(specification) }
          == "sparse.csv: its 4398046511104 bytes are more than this machine's memory")
    }
    specification.testPath = "/dev/zero"
    #expect(
      message { _ = try LoadedData(specification) } == "/dev/zero is not a regular file; check data.test_path"
    )
  }
}
