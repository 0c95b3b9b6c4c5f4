import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct PartitionTests {
  typealias Share = DataSpecification.PartSize

  private func ranges(
    _ train: Share?, _ validation: Share? = nil, _ test: Share? = nil, of count: Int = 100
  ) throws -> [Range<Int>?] {
    let split = DataSpecification.Split(train: train, validation: validation, test: test)
    let partition = try Partition(split, of: count, file: "d.csv")
    return [partition.train, partition.validation, partition.test]
  }

  @Test func shares() throws {
    #expect(try ranges(nil) == [0..<100, nil, nil])
    #expect(try ranges(.count(60), nil, .rest) == [0..<60, nil, 60..<100])
    #expect(try ranges(.rest, .count(10), .count(20)) == [0..<70, 70..<80, 80..<100])
    #expect(try ranges(.count(60), .rest, .fraction(0.2)) == [0..<60, 60..<80, 80..<100])
    #expect(try ranges(nil, nil, .fraction(0.2)) == [0..<80, nil, 80..<100])
    #expect(try ranges(nil, nil, .rest) == [nil, nil, 0..<100])
    #expect(try ranges(.count(0), nil, .rest) == [nil, nil, 0..<100])
    #expect(try ranges(.count(10), nil, .count(5)) == [0..<10, nil, 10..<15])
    #expect(try ranges(.fraction(1)) == [0..<100, nil, nil])
  }

  @Test func fractions() throws {
    #expect(
      try ranges(.fraction(0.7), .fraction(0.15), .fraction(0.15), of: 101) == [0..<70, 70..<85, 85..<101])
    #expect(try ranges(.fraction(0.29), nil, .rest) == [0..<29, nil, 29..<100])
    #expect(try ranges(.fraction(0.5), nil, .fraction(0.25), of: 101) == [0..<50, nil, 50..<75])
  }

  @Test func partsThatDoNotFit() throws {
    func failure(_ train: Share?, _ validation: Share? = nil, _ test: Share? = nil) -> String {
      message { _ = try ranges(train, validation, test) }
    }
    #expect(
      failure(.count(101))
        == "data.split asks for more than the 100 samples of d.csv; make data.split.train smaller")
    #expect(failure(.count(90), nil, .count(11)).hasSuffix("make data.split.test smaller"))
    #expect(failure(.count(Int.max), .count(Int.max)).hasPrefix("data.split asks for more"))
    #expect(failure(.fraction(0.8), nil, .fraction(0.4)).hasPrefix("data.split asks for more"))
    #expect(failure(.count(100), nil, .rest) == "data.split leaves none of the 100 samples of d.csv for test")
    #expect(failure(nil, nil, .count(100)) == "data.split leaves none of the 100 samples of d.csv for train")
    #expect(
      failure(.rest, nil, .fraction(0.001))
        == "data.split.test: 0.001 of the 100 samples of d.csv is none")
  }

  @Test func keysThatContradict() throws {
    func failure(_ change: (inout DataSpecification) -> Void) -> String {
      var specification = DataSpecification(format: .csv, path: "d.csv")
      change(&specification)
      return message { try specification.validate() }
    }
    #expect(failure { $0.split.train = .count(-1) } == "data.split.train must not be negative, but is -1")
    for fraction in [-0.1, 1.5, .nan, .infinity] {
      #expect(failure { $0.split.test = .fraction(fraction) }.hasPrefix("data.split.test must be a fraction"))
    }
    #expect(
      failure { $0.split = .init(train: .rest, test: .rest) } == "data.split: only one part can be the rest")
    #expect(
      failure { ($0.testPath, $0.split.test) = ("t", .rest) }
        == "data.test_path and data.split.test exclude each other; keep one")
    #expect(
      failure { ($0.validationPath, $0.split.validation) = ("t", .rest) }
        == "data.validation_path and data.split.validation exclude each other; keep one")
  }
}
