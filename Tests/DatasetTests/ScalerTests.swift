import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// Scaling against numbers from scikit-learn:
/// `MinMaxScaler().fit_transform([[1, 7, -3], [2, 7, 0.5], [4.5, 7, 11]])` and `StandardScaler()` likewise.
@Suite(.tags(.fast)) struct ScalerTests {
  private let text = "a,b,c\n1,7,-3\n2,7,0.5\n4.5,7,11\n"

  private func load(_ change: (inout DataSpecification) -> Void) throws -> LoadedData {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", text))
    (specification.features, specification.targets) = (["a", "b"], ["c"])
    change(&specification)
    return try LoadedData(specification)
  }

  @Test func minmax() throws {
    let data = try load { $0.scale = .minmax }
    #expect(data.train?.arrays().inputs == [0, 0, 0.2857142857142857, 0, 1, 0])
    #expect(data.train?.arrays().values == [0, 0.25, 1])
    let column = try #require(data.scaler?.targets.first)
    #expect(column == .init(offset: 0.21428571428571427, scale: 0.07142857142857142))
    #expect(data.scaler?.features[1] == .init(offset: -7, scale: 1))
  }

  @Test func standard() throws {
    let data = try load { $0.scale = .standard }
    let inputs = try #require(data.train?.arrays().inputs)
    let expected: [Float] = [-1.0190493, 0, -0.3396831, 0, 1.3587324, 0]
    for (x, y) in zip(inputs, expected) { #expect(abs(x - y) < 1e-6) }
    #expect(data.scaler?.features[1] == .init(offset: 7, scale: 1))
    let target = try #require(data.scaler?.targets.first)
    #expect(abs(target.offset - 2.8333333333333335) < 1e-15 && abs(target.scale - 5.948856099191582) < 1e-14)
  }

  @Test(arguments: [DataSpecification.Scaling.minmax, .standard])
  func predictionsComeBack(_ scale: DataSpecification.Scaling) throws {
    let scaler = try #require(try load { $0.scale = scale }.scaler)
    for value in [-3, 0.5, 11, 1234.5] {
      for column in [scaler.targets[0], scaler.features[0]] {
        #expect(abs(scaler.unscale(Float(scaler.method.scale(value, column)), column) - value) < 1e-4)
      }
    }
    let stored = try JSONDecoder().decode(Scaler.self, from: JSONEncoder().encode(scaler))
    #expect(stored == scaler)
  }

  @Test func fittedOnTheTrainingRowsOnly() throws {
    let data = try load { ($0.scale, $0.split) = (.minmax, .init(train: .count(2), test: .rest)) }
    #expect(data.train?.arrays().inputs == [0, 0, 1, 0] && data.test?.arrays().inputs == [3.5, 0])
    #expect(data.test?.arrays().values == [4])
    let all = try load {
      ($0.scale, $0.fitScaleOn, $0.split) = (.minmax, .all, .init(train: .count(2), test: .rest))
    }
    #expect(all.test?.arrays().values == [1])
  }

  @Test func trainingRowsOfWindowsReachToTheLastTarget() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<10).map { "\($0)" }.joined(separator: "\n")
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", "a\n" + rows))
    (specification.features, specification.targets, specification.scale) = (["a"], ["a"], .minmax)
    (specification.window, specification.horizon) = (2, 2)
    specification.split = .init(train: .count(3), test: .rest)
    let data = try LoadedData(specification)
    // Windows start at rows 0, 1, 2; the last target is row 2 + 1 + 2.
    #expect(data.scaler?.features[0].scale == 1 / 5.0 && data.scaler?.targets == data.scaler?.features)
    specification.split = .init(train: .count(0), test: .rest)
    #expect(
      message { _ = try LoadedData(specification) }
        == "data.fit_scale_on is train, but the split has no training samples; set it to all")
    let evaluated = try LoadedData(specification, scaler: data.scaler)
    #expect(evaluated.train == nil && evaluated.test?.count == 7)
  }

  @Test func unusableScalersAreRefused() throws {
    let bad = Scaler(
      method: .minmax, features: [.init(offset: 0, scale: 0), .init(offset: 0, scale: 1)],
      targets: [.init(offset: 0, scale: 1)])
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", text))
    (specification.features, specification.targets, specification.scale) = (["a", "b"], ["c"], .minmax)
    #expect(
      message { _ = try LoadedData(specification, scaler: bad) }
        == "the checkpoint's scaler holds numbers that can't be used")
  }

  /// A static column takes the scale over all, any other that never changes in a series its own offset: new values are told apart.
  @Test(arguments: [DataSpecification.Scaling.standard, .minmax])
  func constantsOfASeriesTakeTheScaleOverAll(_ scale: DataSpecification.Scaling) throws {
    let folder = try TemporaryFolder()
    let rows = (0..<8).flatMap { ["a,\($0),5,100", "b,\(3 * $0),\($0),300"] }.joined(separator: "\n")
    var data = DataSpecification(
      format: .csv, path: try folder.write("d.csv", "s,x,promo,size\n\(rows)\n"))
    (data.series, data.features, data.statics) = (["s"], ["x", "promo"], ["size"])
    (data.targets, data.window, data.horizon) = (["x"], 2, 1)
    (data.scale, data.scalePer) = (scale, .series)
    let loaded = try LoadedData(data)
    let scaler = try #require(loaded.scaler)
    let own = try #require(scaler.series)
    #expect(own.map { $0.features[2] } == [scaler.features[2], scaler.features[2]])
    #expect(own[0].features[1].scale == scaler.features[1].scale && own[0].features[1] != scaler.features[1])
    #expect(own[0].features[0] != scaler.features[0])
    let batch = loaded.train!.batch([0, Int32(loaded.train!.count - 1)])
    // Step 0 of the first window of a and of the last of b.
    #expect(batch.inputs[1] == 0)
    #expect([batch.inputs[2], batch.inputs[5]] == (scale == .standard ? [-1, 1] : [0, 1]))
    // A new value is as far away as it is over all, and a series that training did not see has the same size.
    data.path = try folder.write("n.csv", "s,x,promo,size\na,1,6,100\na,2,6,100\nc,1,5,100\nc,1,5,100\n")
    data.areTargetsOptional = true
    let new = try LoadedData(data, scaler: scaler)
    #expect(new.unseenSeries == ["c"] && loaded.unseenSeries.isEmpty)
    let other = new.train!.batch([0, 1])
    let inputs = other.inputs
    let size = scaler.features[1]
    let unit = Float(abs(scaler.method.scale(6, size) - scaler.method.scale(5, size)))
    #expect(abs(inputs[1] - unit) < 1e-6 && inputs[2] == batch.inputs[2] && inputs[5] == batch.inputs[2])
  }
}
