import Batches
import Dataset
import TestSupport
import Testing

/// A weight is of the row that a target comes from: with several horizons each has its own.
@Suite(.tags(.fast)) struct HorizonWeightTests {
  @Test(arguments: [false, true]) func eachHorizonHasTheWeightOfItsOwnRow(perStep: Bool) throws {
    let folder = try TemporaryFolder()
    let rows = (0..<12).map { "\($0),\($0 == 6 ? 0 : 1 + $0)" }
    let path = try folder.write("t.csv", (["y,w"] + rows).joined(separator: "\n") + "\n")
    var data = DataSpecification(format: .csv, path: path)
    (data.features, data.targets, data.weight, data.window) = (["y"], ["y"], "w", 3)
    (data.horizon, data.horizons, data.perStep, data.scale) = (1, [1, 3], perStep, .none)
    let train = try #require(try LoadedData(data).train)
    #expect(train.shape.weightsPerRow == 2)
    for sample in 0..<train.count {
      let batch = train.batch([Int32(sample)])
      let weights = try #require(batch.weights)
      for step in 0..<(perStep ? 3 : 1) {
        // The rows whose values are the targets, which are their numbers.
        let rows = (0..<2).map { Int(batch.values[2 * step + $0]) }
        #expect((0..<2).map { weights[2 * step + $0] } == rows.map { $0 == 6 ? 0 : Float(1 + $0) })
      }
    }
  }
}
