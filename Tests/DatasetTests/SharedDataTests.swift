import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

/// The tutorials' own data, where it is at hand.
@Suite(.tags(.fast)) struct SharedDataTests {
  static let kospiFile = shared("data/kospi/kospi.csv")
  static let mnistFolder = shared("data/mnist")

  @Test(.enabled(if: kospiFile != nil, "needs ../shared/data/kospi")) func kospi() throws {
    var specification = DataSpecification(format: .csv, path: Self.kospiFile!)
    (specification.features, specification.targets) = (["Open", "High", "Low", "Volume"], ["Close"])
    (specification.scale, specification.fitScaleOn) = (.minmax, .all)
    (specification.window, specification.horizon) = (5, 1)
    specification.split = .init(train: .count(200), test: .rest)
    let data = try LoadedData(specification)
    #expect(data.train?.count == 200 && data.test?.count == 226)
    #expect(data.shape == SampleShape(steps: 5, features: 4, target: .values(width: 1)))
    #expect(data.rows == Array(5..<431))
    let batch = try #require(data.train?.arrays([0]))
    let first: [Float] = [0.722898, 0.732351, 0.745525, 0.242113]
    for (x, y) in zip(batch.inputs, first) { #expect(abs(x - y) < 5e-7) }
    let close = try #require(data.scaler)
    #expect(abs(close.method.scale(2206.199951, close.targets[0]) - 0.759235) < 5e-7)
    // The target of the first window is the sixth row's close.
    #expect(abs(close.unscale(batch.values[0], close.targets[0]) - 2180.729980) < 1e-3)
    #expect(data.fingerprint.count == 64)
  }

  @Test(.enabled(if: mnistFolder != nil, "needs ../shared/data/mnist")) func mnist() throws {
    let data = try LoadedData(DataSpecification(format: .idx, path: Self.mnistFolder!))
    #expect(data.train?.count == 60_000 && data.test?.count == 10_000 && data.validation == nil)
    #expect(data.shape == SampleShape(steps: 28, features: 28, target: .classes(count: 10)))
    #expect(data.train?.arrays([0, 1, 2, 3, 4]).classes == [5, 0, 4, 1, 9])
    #expect(data.test?.arrays([0, 1, 9999]).classes == [7, 2, 6])
    // The sum of all pixels of the first training image, and its mean over the set as everybody quotes it.
    let first = try #require(data.train?.arrays([0]))
    #expect(abs(first.inputs.reduce(0, +) * 255 - 27_525) < 1)
    let all = try #require(data.train?.arrays())
    let mean = all.inputs.reduce(0.0) { $0 + Double($1) } / Double(all.inputs.count)
    #expect(abs(mean - 0.1307) < 1e-4)
  }
}
