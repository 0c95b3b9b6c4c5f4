import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct TSTests {
  private func load(_ text: String, _ change: (inout DataSpecification) -> Void = { _ in }) throws
    -> LoadedData
  {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .ts, path: try folder.write("d.ts", text))
    change(&specification)
    do { return try LoadedData(specification) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  private func failure(replacing old: String, with new: String) -> String {
    message { _ = try load(ArrayFiles.ts.replacing(old, with: new)) }
  }

  @Test func multivariate() throws {
    for text in [
      ArrayFiles.ts, ArrayFiles.ts.replacing("\n", with: "\r\n"), "\u{FEFF}" + ArrayFiles.ts + "\n\n",
    ] {
      let data = try load(text)
      #expect(data.shape == SampleShape(steps: 3, features: 2, target: .classes(count: 2)))
      #expect(data.classNames == ["walk", "run"])
      let batch = data.train?.arrays()
      #expect(batch?.inputs == [1, 10, 4, 40, 2, 20, 5, 50, 3, 30, 6, 60] && batch?.classes == [1, 0])
    }
  }

  @Test func univariateWithFewHeaderLines() throws {
    let data = try load("@problemname x\n@univariate true\n@classlabel TRUE 1 2\n@DATA\n1,2:2\n3,4:1\n5,6:1")
    #expect(data.shape == SampleShape(steps: 2, features: 1, target: .classes(count: 2)))
    #expect(data.train?.arrays().classes == [1, 0, 0])
  }

  @Test func commentsStandInTheHeaderAlone() throws {
    let header = "# one\n@problemName x\n# two\n@univariate true\n@CLASSLABEL true a b\n@data\n"
    #expect(try load("\u{FEFF}" + header + "1,2:a\n").train?.count == 1)
    #expect(message { _ = try load(header + "1,2:a\n# three\n") }.hasPrefix("d.ts, line 8: "))
  }

  @Test func targetValues() throws {
    let text = "@problemname x\n@targetlabel true\n@data\n1,2:0.5\n3,4:1.5\n"
    let data = try load(text) { $0.scale = .minmax }
    #expect(data.shape.target == .values(width: 1) && data.targetNames == ["0"])
    #expect(data.train?.arrays().values == [0, 1])
  }

  @Test func separateTestFile() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .ts, path: try folder.write("a.ts", ArrayFiles.ts))
    specification.testPath = try folder.write("b.ts", ArrayFiles.ts.replacing("walk run", with: "run walk"))
    let data = try LoadedData(specification)
    #expect(data.test?.arrays().classes == [1, 0] && data.train?.count == 2)
    try folder.write("b.ts", ArrayFiles.ts.replacing("run", with: "swim"))
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "b.ts, line 11: class label 'swim' is not among the 2 known")
    try folder.write("b.ts", "@classLabel true run walk\n@data\n1,2,3:run\n")
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "b.ts: its series have another shape than those of a.ts")
  }

  @Test func headersThatAreWrong() {
    #expect(message { _ = try load("") } == "d.ts: is empty")
    #expect(message { _ = try load("# only\n") } == "d.ts: has no @data line")
    #expect(message { _ = try load("@classLabel true a\n@data\n") } == "d.ts: has no samples after @data")
    #expect(
      failure(replacing: "@data\n", with: "")
        == "d.ts, line 10: expected a line of the header, such as @problemName or @data, not '1,2,3:10,20,30:run'"
    )
    #expect(
      failure(replacing: "@dimensions 2", with: "@dimensions -2").hasPrefix("d.ts, line 6: @dimensions needs")
    )
    #expect(
      failure(replacing: "@dimensions 2", with: "@dimensions 3").contains(
        "declares @dimensions 3, its samples have 2"))
    #expect(
      failure(replacing: "@seriesLength 3", with: "@seriesLength 4").contains("declares @seriesLength 4"))
    #expect(failure(replacing: "true walk run", with: "false").contains("line 10: there is no @classLabel"))
    #expect(failure(replacing: "walk run", with: "walk walk") == "d.ts, line 9: class 'walk' is named twice")
    #expect(failure(replacing: "true walk run", with: "true").contains("needs the names"))
    #expect(failure(replacing: "@missing", with: "@missin") == "d.ts, line 4: unknown header line '@missin'")
  }

  /// As pandas fills them: `interpolate`, `ffill`, `dropna`, series by series.
  @Test func missingValues() throws {
    let text = ArrayFiles.ts.replacing("@missing false", with: "@missing true")
      .replacing("@equalLength true\n@seriesLength 3\n", with: "")
      .replacing("1,2,3:10,20,30", with: "1,?,?,4:10,20,NaN,40")
    func inputs(_ gaps: DataSpecification.GapPolicy, _ sample: Int32 = 0) throws -> [Float]? {
      try load(text) { $0.gaps = gaps }.train?.arrays([sample]).inputs
    }
    #expect(try inputs(.linear) == [1, 10, 2, 20, 3, 30, 4, 40])
    #expect(try inputs(.previous) == [1, 10, 1, 20, 1, 20, 4, 40])
    #expect(try inputs(.drop) == [1, 10, 4, 40] && inputs(.drop, 1) == [4, 40, 5, 50, 6, 60])
    let start = text.replacing("1,?,?,4", with: "?,2,3,4")
    #expect(
      message { _ = try load(start) { $0.gaps = .previous } }
        == "d.ts, line 9, dimension 1, value 1: no value stands before this gap, so data.gaps: previous can't fill it; remove the rows"
    )
    let end = text.replacing("10,20,NaN,40", with: "10,20,30,?")
    #expect(
      message { _ = try load(end) { $0.gaps = .linear } }.contains(
        "line 9, dimension 2, value 4: no value stands after"))
    let all = text.replacing("10,20,NaN,40", with: "?,20,NaN,?")
    #expect(
      message { _ = try load(all) { $0.gaps = .drop } }.contains("line 9: data.gaps: drop leaves nothing"))
  }

  /// The mean of what training has in a dimension, and beside it what was observed.
  @Test func missingValuesTakeTheMean() throws {
    let text = ArrayFiles.ts.replacing("@missing false", with: "@missing true")
      .replacing("@equalLength true\n@seriesLength 3\n", with: "")
      .replacing("1,2,3:10,20,30", with: "?,2,3:10,20,?")
    let mean = try load(text) { $0.gaps = .mean }
    #expect(mean.train?.arrays([0]).inputs == [4, 10, 2, 20, 3, 36] && mean.featureNames == ["0", "1"])
    let mask = try load(text) { $0.gaps = .mask }
    #expect(mask.train?.arrays([0]).inputs == [4, 10, 0, 1, 2, 20, 1, 1, 3, 36, 1, 0])
    #expect(mask.featureNames == ["0", "1", "0_observed", "1_observed"] && mask.shape.features == 4)
    let scaled = try load(text) { ($0.gaps, $0.scale) = (.mask, .standard) }
    let first = try #require(scaled.train?.arrays([0]).inputs)
    #expect(first[0] == 0 && first[2...3] == [0, 1] && first[9] == 0)
    let none = text.replacing("?,2,3:", with: "?,?,?:").replacing("4,5,6 :", with: "?,?,? :")
    #expect(message { _ = try load(none) { $0.gaps = .mean } }.contains("no row of training has a value"))
  }

  /// Time stamps say in which order values come; dates have colons, which set dimensions apart elsewhere.
  @Test func timeStamps() throws {
    func text(_ first: String, _ second: String) -> String {
      "@timestamps true\n@classLabel true a b\n@data\n\(first):\(second):b\n"
    }
    let first = "(2020-01-01 00:00:00,1),(2020-01-01 01:00:00, 2.5)"
    let second = "(2020-01-01 00:00:00,10), (2020-01-01 01:00:00,20)"
    let data = try load(text(first, second))
    #expect(data.train?.arrays().inputs == [1, 10, 2.5, 20] && data.train?.arrays().classes == [1])
    #expect(
      try load(text("(0,1),(2,?),(10,3)", "(0,1),(2,2),(10,3)")) { $0.gaps = .linear }
        .train?.arrays().inputs == [1, 1, 2, 2, 3, 3])
    #expect(
      message { _ = try load(text(first, "(0,1),(1,2)")) }.contains(
        "line 4: dimension 2 has other time stamps"))
    #expect(
      message { _ = try load(text("(1,1),(0,2)", "(1,1),(0,2)")) }.contains(
        "time stamp '0' does not follow '1'"))
    #expect(message { _ = try load(text("(0,1)", "(0,1),(1,2)")) }.contains("dimension 2 has 2 values"))
    for wrong in ["1,2", "(1)", "(0,1", "0,1)", "((0,1))", ""] {
      #expect(
        message { _ = try load(text(wrong, wrong)) }.contains("needs values as (time stamp,value)"),
        "\(wrong)")
    }
  }

  /// UCR's tables: a class, then values; NaN at the end makes a series shorter.
  @Test func tables() throws {
    let data = try load("2\t1\t2\t3\n-1\t4\t5\tNaN\n10\t6\tNaN\tNaN\r\n")
    #expect(data.classNames == ["-1", "2", "10"] && data.shape.features == 1 && data.shape.steps == 3)
    let batch = data.train?.arrays()
    #expect(batch?.inputs == [1, 4, 6, 2, 5, 3] && batch?.classes == [1, 0, 2])
    #expect(
      message { _ = try load("1\t2\tNaN\t3\n") }.hasPrefix(
        "d.ts, line 1, dimension 1, value 2: the value is missing"))
    #expect(
      try load("1\t2\tNaN\t4\n2\t1\t1\t1\n") { $0.gaps = .linear }.train?.arrays([0]).inputs == [2, 3, 4])
    #expect(message { _ = try load("1\tNaN\tNaN\n") } == "d.ts, line 1: has no values after its class")
    #expect(
      message { _ = try load("\t1\t2\n") }.hasPrefix(
        "d.ts, line 1: the class, in front of the values, is missing"))
    #expect(message { _ = try load("1\t2\tx\n") } == "d.ts, line 1: value 2: 'x' is not a usable number")
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .ts, path: try folder.write("a.tsv", "b\t1\t2\na\t3\t4\n"))
    specification.testPath = try folder.write("b.tsv", "b\t5\t6\n")
    #expect(try LoadedData(specification).test?.arrays().classes == [1])
    try folder.write("b.tsv", "c\t5\t6\n")
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "b.tsv, line 1: class label 'c' is not among the 2 known")
  }

  @Test func samplesThatAreWrong() {
    #expect(
      failure(replacing: "5,6 ", with: "5 ")
        == "d.ts, line 13: dimension 2 has 3 values, its first dimension has 2"
    )
    #expect(
      failure(replacing: "20,30", with: "20,30,40")
        == "d.ts, line 11: dimension 2 has 4 values, its first dimension has 3"
    )
    #expect(
      failure(replacing: ": 40,50,6e1", with: "") == "d.ts, line 13: has 1 dimensions, the first sample has 2"
    )
    #expect(
      failure(replacing: "5,6 ", with: "5,six ")
        == "d.ts, line 13: dimension 1, value 3: 'six' is not a usable number")
    for gap in ["?", "", "NaN"] {
      #expect(
        failure(replacing: "20,30", with: "20,\(gap)")
          == "d.ts, line 11, dimension 2, value 3: the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
      )
    }
    #expect(
      failure(replacing: "30:run", with: "30:jump")
        == "d.ts, line 11: class label 'jump' is not in @classLabel: 'walk', 'run'")
    #expect(
      message { _ = try load("@classLabel true a\n@data\n1,2,3") }
        == "d.ts, line 3: has no ':' between the values and the class label")
    #expect(
      failure(replacing: "20,30", with: "20,1e300")
        == "d.ts, line 11, dimension 2, value 3: 1e+300 is too large for a 32-bit float; scale or change the column"
    )
    // As many dimensions as values: nothing of their product may be allocated.
    let wide = String(repeating: "1,", count: 100_000) + "1" + String(repeating: ":1", count: 100_000)
    #expect(
      message { _ = try load("@classLabel true a\n@data\n\(wide):a") }.contains("dimension 2 has 1 values"))
  }
}
