import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite("Samples of different lengths", .tags(.fast)) struct LengthTests {
  static let series = """
    @problemName x
    @equalLength false
    @classLabel true a b
    @data
    1,2:10,20:a
    3,4,5,6:30,40,50,60:b
    7:70:b
    8,9:80,90:a
    """

  private func load(_ name: String, _ text: String, _ change: (inout DataSpecification) -> Void = { _ in })
    throws -> LoadedData
  {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(
      format: name.hasSuffix("ts") ? .ts : .csv, path: try folder.write(name, text))
    change(&specification)
    do { return try LoadedData(specification) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  @Test func sequencesOfWhichNothingIsLeftAreNone() throws {
    let folder = try TemporaryFolder()
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "who,x,y\na,1,1\nb,,2\nc,3,3\nc,4,4\nd,,5\n"))
    (data.features, data.targets, data.group, data.gaps) = (["x"], ["y"], "who", .drop)
    let set = try LoadedData(data).train!
    #expect((0..<set.count).map { set.length(of: $0) } == [1, 2])
  }

  @Test func `lie step by step, without padding`() throws {
    let data = try load("d.ts", Self.series)
    let train = try #require(data.train)
    #expect(data.shape.steps == 4 && !data.shape.hasEqualLengths && !data.shape.hasTargetPerStep)
    #expect((0..<4).map { train.length(of: $0) } == [2, 4, 1, 2])
    let batch = train.arrays([1, 3, 0, 2])
    #expect(batch.inputs == [3, 30, 8, 80, 1, 10, 7, 70, 4, 40, 9, 90, 2, 20, 5, 50, 6, 60])
    #expect(batch.classes == [1, 0, 0, 1])
    #expect(train.arrays([3, 0]).inputs == [8, 80, 1, 10, 9, 90, 2, 20])
  }

  @Test func `are scaled and split like others`() throws {
    let data = try load("d.ts", Self.series) {
      $0.scale = .minmax
      $0.split.train = .count(2)
      $0.split.test = .rest
    }
    // Fitted on the steps of the first two: 1 to 6 and 10 to 60.
    #expect(data.train?.arrays([0]).inputs == [0, 0, 0.2, 0.2])
    #expect(data.test?.arrays([0]).inputs == [1.2, 1.2])
    #expect(data.test?.length(of: 1) == 2)
  }

  @Test func `in one file may be longer than in the other`() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(
      format: .ts, path: try folder.write("a.ts", "@classLabel true a b\n@data\n1,2:a\n3,4:b"))
    specification.testPath = try folder.write("b.ts", "@classLabel true a b\n@data\n1,2,3:a\n5,6,7:a")
    let data = try LoadedData(specification)
    #expect(data.shape.steps == 3 && !data.shape.hasEqualLengths)
    #expect(data.train?.arrays([0, 1]).inputs == [1, 3, 2, 4] && data.test?.length(of: 0) == 3)
  }

  @Test func `must keep what the header promises`() {
    let promise = Self.series.replacing("equalLength false", with: "equalLength true")
    #expect(
      message { _ = try load("d.ts", promise) }
        == "d.ts, line 6: has 4 values, the first series has 2; the header says @equalLength true")
  }

  static let table = """
    who,x,y,d
    ann,1,10,up
    ann,2,20,down
    bob,3,30,up
    "c, d",4,40,down
    "c, d",5,50,down
    "c, d",6,60,up
    """

  @Test func `may be rows that name one sequence`() throws {
    let values = try load("d.csv", Self.table) {
      ($0.features, $0.targets, $0.group) = (["x"], ["y"], "who")
    }
    let train = try #require(values.train)
    #expect(train.count == 3 && values.rows == [1, 2, 5])
    let batch = train.arrays([2, 0, 1])
    #expect(batch.inputs == [4, 1, 3, 5, 2, 6] && batch.values == [60, 20, 30])
    let classes = try load("d.csv", Self.table) {
      ($0.features, $0.label, $0.group, $0.split.test) = (["x", "y"], "d", "who", .count(1))
    }
    #expect(classes.train?.arrays([0, 1]).classes == [0, 1] && classes.classNames == ["down", "up"])
    #expect(classes.test?.arrays([0]).inputs == [4, 40, 5, 50, 6, 60])
  }

  @Test func `rows with a gap are left out of their sequence`() throws {
    let data = try load("d.csv", Self.table.replacing("5,50", with: ",50")) {
      ($0.features, $0.targets, $0.group, $0.gaps) = (["x"], ["y"], "who", .drop)
    }
    #expect(data.train?.arrays([2]).inputs == [4, 6] && data.rows == [1, 2, 5])
  }

  @Test func `bad groups are named`() {
    func failure(_ text: String, _ change: (inout DataSpecification) -> Void) -> String {
      message {
        _ = try load("d.csv", text) {
          ($0.features, $0.targets, $0.group) = (["x"], ["y"], "who")
          change(&$0)
        }
      }
    }
    #expect(
      failure(Self.table + "\nann,7,70,up") { _ in }
        == "d.csv, line 8, column 'who': sequence 'ann' was complete; put its rows together")
    #expect(failure(Self.table.replacing("bob,", with: ",")) { _ in }.contains("line 4, column 'who'"))
    #expect(failure(Self.table) { $0.group = "whom" }.contains("data.group"))
    #expect(failure(Self.table) { $0.window = 3 }.hasPrefix("data.window and data.horizon are not for"))
    #expect(
      failure(Self.table) { $0.features = ["who"] } == "data.group 'who' is also in data.features")
    #expect(failure(Self.table) { $0.gaps = .linear }.contains("would fill across"))
    #expect(failure("who,x,y,d\n") { _ in }.hasPrefix("d.csv"))
  }

  @Test func `buckets keep every sample once, and batches alike`() {
    let lengths = (0..<103).map { Int32(1 + ($0 * 37) % 29) }
    let buckets = LengthBuckets(batchSize: 8, batches: 4, lengths: lengths)
    let plain = EpochOrder(count: 103, seed: 5)
    let order = EpochOrder(count: 103, seed: 5, buckets: buckets)
    func spread(_ order: [Int32]) -> Int32 {
      stride(from: 0, to: 103, by: 8).reduce(0) { sum, start in
        let batch = order[start..<min(start + 8, 103)].map { lengths[Int($0)] }
        return sum + batch.max()! - batch.min()!
      }
    }
    for epoch in 0..<3 {
      let numbers = order.order(epoch: epoch)
      #expect(numbers.sorted() == (0..<103).map { Int32($0) })
      #expect(numbers == order.order(epoch: epoch) && numbers != order.order(epoch: epoch + 1))
      for start in stride(from: 0, to: 103, by: 32) {
        let window = start..<min(start + 32, 103)
        #expect(Set(numbers[window]) == Set(plain.order(epoch: epoch)[window]), "stretches stay")
      }
      #expect(2 * spread(numbers) < spread(plain.order(epoch: epoch)))
    }
  }
}
