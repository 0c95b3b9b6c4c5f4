import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

/// CSV files in all the ways they are written.
@Suite(.tags(.fast)) struct CSVTests {
  private func load(
    _ text: String, _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> LoadedData {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("data.csv", text))
    specification.features = ["a", "b"]
    specification.targets = ["c"]
    change(&specification)
    return try LoadedData(specification)
  }

  private let plain = BatchArrays(inputs: [1, 2, 4, 5], values: [3, 6], classes: [])

  @Test(arguments: [
    "a,b,c\n1,2,3\n4,5,6\n", "a,b,c\n1,2,3\n4,5,6", "a,b,c\r\n1,2,3\r\n4,5,6\r\n", "a,b,c\r1,2,3\r4,5,6",
    "\u{FEFF}a,b,c\n1,2,3\n4,5,6\n", "\"a\",\"b\",\"c\"\n\"1\",2,\"3\"\n4,\"5\",6\n",
    "a,b,c\n1,2,3\n4,5,6\n\n\r\n\n",
    "a,b,c\n 1 , 2,3 \n\t4,5\t,6\n", "a,b,c\n1.0,2e0,+3\n40e-1,5.,06\n",
    "c,x,b,a\n3,text,2,1\n6,\"more, \"\"text\"\"\n\",5,4\n",
    "c,b,date,a\n3,2,2019-01-30T12:00:00,1\n6,5,,4",
  ])
  func sameNumbers(_ text: String) throws {
    let data = try load(text)
    #expect(data.train?.arrays() == plain)
    #expect(data.shape == SampleShape(steps: 1, features: 2, target: .values(width: 1)))
    #expect(data.validation == nil && data.test == nil && data.scaler == nil)
    #expect(data.featureNames == ["a", "b"] && data.targetNames == ["c"] && data.rows == [0, 1])
  }

  @Test(arguments: [";", "\t", " ", "|"])
  func delimiters(_ delimiter: String) throws {
    let text = "a,b,c\n1,2,3\n4,5,6\n".replacing(",", with: delimiter)
    #expect(try load(text) { $0.delimiter = delimiter }.train?.arrays() == plain)
  }

  @Test func withoutHeaderColumnsAreNumbers() throws {
    let data = try load("7,1,2,3\n8,4,5,6") {
      ($0.header, $0.features, $0.targets) = (false, ["1", "2"], ["3"])
    }
    #expect(data.train?.arrays() == plain)
    #expect(data.featureNames == ["1", "2"])
  }

  @Test func aColumnMayBeFeatureAndTarget() throws {
    let data = try load("a,b,c\n1,2,3\n4,5,6\n7,8,9") {
      ($0.features, $0.targets, $0.window, $0.horizon) = (["c", "a"], ["a", "b"], 1, 1)
    }
    #expect(data.train?.arrays() == BatchArrays(inputs: [3, 1, 6, 4], values: [4, 5, 7, 8], classes: []))
  }

  @Test func windowsAreTimeMajorAndTargetsLieBehind() throws {
    let rows = (0..<7).map { "\($0),\(10 + $0),\(100 + $0)" }.joined(separator: "\n")
    let data = try load("a,b,c\n" + rows) { ($0.window, $0.horizon) = (3, 2) }
    // 7 rows, window 3, horizon 2: windows start at 0, 1, 2; targets are rows 4, 5, 6.
    #expect(data.train?.count == 3 && data.rows == [4, 5, 6])
    let batch = data.train?.arrays([2, 0])
    #expect(batch?.inputs == [2, 12, 0, 10, 3, 13, 1, 11, 4, 14, 2, 12])
    #expect(batch?.values == [106, 104])
    let last = try load("a,b,c\n" + rows) { ($0.window, $0.horizon) = (7, 0) }
    #expect(last.train?.count == 1 && last.rows == [6])
  }

  @Test func labels() throws {
    let text = "a,b,kind\n1,2,pear\n3,4,\"apple\"\n5,6, pear\n7,8,\"fig, \"\"green\"\"\""
    let data = try load(text) { ($0.targets, $0.label) = ([], "kind") }
    #expect(data.classNames == ["apple", "fig, \"green\"", "pear"])
    #expect(data.shape.target == .classes(count: 3) && data.targetNames.isEmpty)
    #expect(data.train?.arrays().classes == [2, 0, 2, 1])
    #expect(sortedClassNames(["10", "9", "-1"]) == ["-1", "9", "10"])
    #expect(sortedClassNames(["10", "9", "x", "é", "Z"]) == ["10", "9", "Z", "x", "é"])
  }

  @Test func givenClassesAndScalerAreUsed() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", "a,k\n1,x\n2,y"))
    (specification.features, specification.label, specification.scale) = (["a"], "k", .minmax)
    let scaler = Scaler(method: .standard, features: [.init(offset: 1, scale: 4)], targets: [])
    let data = try LoadedData(specification, scaler: scaler, classNames: ["y", "z", "x"])
    #expect(data.train?.arrays() == BatchArrays(inputs: [0, 0.25], values: [], classes: [2, 0]))
    #expect(data.classNames == ["y", "z", "x"] && data.scaler == scaler)
    #expect(
      message(folder) { _ = try LoadedData(specification, scaler: scaler, classNames: ["y", "z"]) }
        == "d.csv, line 2, column 'k': class label 'x' is not among the 2 of the checkpoint")
    let other = Scaler(method: .minmax, features: [], targets: [])
    #expect(
      message { _ = try LoadedData(specification, scaler: other) }.contains(
        "scaler has 0 features and 0 targets, the data has 1 and 0"))
  }

  @Test func gaps() throws {
    let text = "a,b,c\n1,2,3\n,5,\n7,,9\n10,\"\",12\n13,14,15\n"
    func values(_ policy: DataSpecification.GapPolicy) throws -> LoadedData {
      try load(text) { $0.gaps = policy }
    }
    let dropped = try values(.drop)
    #expect(dropped.train?.arrays() == BatchArrays(inputs: [1, 2, 13, 14], values: [3, 15], classes: []))
    #expect(dropped.rows == [0, 4])
    let previous = try values(.previous)
    #expect(previous.train?.arrays().inputs == [1, 2, 1, 5, 7, 5, 10, 5, 13, 14])
    #expect(previous.train?.arrays().values == [3, 3, 9, 12, 15])
    let linear = try values(.linear)
    #expect(linear.train?.arrays().inputs == [1, 2, 4, 5, 7, 8, 10, 11, 13, 14])
    #expect(linear.train?.arrays().values == [3, 6, 9, 12, 15])
    let unlabelled = try load("a,b,c\n1,2,x\n3,4,\n5,6,y") {
      ($0.targets, $0.label, $0.gaps) = ([], "c", .drop)
    }
    #expect(unlabelled.train?.arrays().classes == [0, 1])
  }

  @Test func separateFilesShareColumnsScaleAndClasses() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", "a,k\n0,x\n10,y"))
    (specification.features, specification.label, specification.scale) = (["a"], "k", .minmax)
    specification.validationPath = try folder.write("v.csv", "k,a\ny,5")
    specification.testPath = try folder.write("t.csv", "k,z,a\nx,,20\n")
    let data = try LoadedData(specification)
    #expect(data.validation?.arrays() == BatchArrays(inputs: [0.5], values: [], classes: [1]))
    #expect(data.test?.arrays() == BatchArrays(inputs: [2], values: [], classes: [0]))
    #expect(data.rows == [0, 1, 0, 0])
    specification.fitScaleOn = .all
    #expect(try LoadedData(specification).train?.arrays().inputs == [0, 0.5])
    try folder.write("t.csv", "k,z,a\nx,,20\nq,,20")
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "t.csv, line 3, column 'k': class label 'q' is not among the 2 of d.csv")
  }

  /// Against Python's hashlib: for each file `h.update(struct.pack('<q', len(f)))` and the SHA-256 of each 4 MiB.
  @Test func fingerprintCoversAllFilesRead() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", "a,k\n0,x\n10,y"))
    (specification.features, specification.label) = (["a"], "k")
    #expect(
      try LoadedData(specification).fingerprint
        == "2b0063ff9a5c5ef668c2a36010bae996aac9fee59f9648586ca4dd106e365652")
    specification.validationPath = try folder.write("v.csv", "k,a\ny,5")
    #expect(
      try LoadedData(specification).fingerprint
        == "b4d1d3738b1abac1467933797c3e2ba15bdb78b9910f693a3a58784cbf7c9740")
  }

  @Test func manyRowsOutgrowTheFirstEstimate() throws {
    let rows = (0..<5000).map { "\($0 % 10),\($0 % 7),1" }.joined(separator: "\n")
    let data = try load("a,b,c\n" + rows)
    #expect(data.train?.arrays([4999]).inputs == [9, 1] && data.train?.count == 5000)
  }
}
