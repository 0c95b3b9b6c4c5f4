import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite struct TSTests {
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
    #expect(message { _ = try load("@classLabel true a\n@data\n") } == "d.ts: has no samples behind @data")
    #expect(
      failure(replacing: "@data\n", with: "")
        == "d.ts, line 10: expected a line of the header, such as @problemName or @data, not '1,2,3:10,20,30:run'"
    )
    #expect(
      failure(replacing: "@missing false", with: "@missing true").hasPrefix("d.ts, line 4: missing values"))
    #expect(
      failure(replacing: "@timeStamps false", with: "@timeStamps true").hasPrefix("d.ts, line 3: time stamps")
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
          == "d.ts, line 11: dimension 2, value 3: missing values are not supported; fill them in")
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
