import Batches
import Dataset
import Foundation
import TestSupport
import Testing

/// Tables of several series against pandas and scikit-learn (Tests/Reference/series.py).
@Suite(.tags(.fast)) struct SeriesTests {
  struct Reference: Decodable {
    struct Sample: Decodable {
      let series: String
      let time: String
      let row: Int
      let inputs: [Float]
      let targets: [Float?]
      let codes: [Int32]
      let weight: Float
    }
    struct Configuration: Decodable {
      let features: [String]
      let targets: [String]
      let window: Int
      let horizons: [Int]
      let scale: String
      let split: [String: Share]
      let by: String?
      let fitScaleOn: String?
      let scalePer: String?
      let gaps: String?
      let weight: String?
      let calendar: [String]?
      let categorical: [String]?
      let known: [String]?
      let `static`: [String]?
    }
    enum Share: Decodable {
      case share(DataSpecification.PartSize)
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let count = try? container.decode(Int.self) {
          self = .share(.count(count))
        } else if let fraction = try? container.decode(Double.self) {
          self = .share(.fraction(fraction))
        } else {
          let text = try container.decode(String.self)
          self = .share(text == "rest" ? .rest : .until(text))
        }
      }
    }
    struct Case: Decodable {
      let configuration: Configuration
      let categories: [[String]]
      let samples: [String: [Sample]]
    }
    let table: String
    let holes: String
    let cases: [Case]

    static let stored: Reference = {
      let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Reference/series.json")
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try! decoder.decode(Reference.self, from: Data(contentsOf: url))
    }()
  }

  private func specification(_ c: Reference.Configuration, _ path: String) -> DataSpecification {
    var data = DataSpecification(format: .csv, path: path)
    (data.features, data.targets, data.window) = (c.features, c.targets, c.window)
    data.horizon = c.horizons[0]
    data.horizons = c.horizons.count > 1 ? c.horizons : nil
    (data.series, data.time) = (["symbol"], "date")
    data.scale = .init(rawValue: c.scale)!
    data.fitScaleOn = c.fitScaleOn.flatMap { .init(rawValue: $0) } ?? .train
    data.scalePer = c.scalePer.flatMap { .init(rawValue: $0) } ?? .all
    data.gaps = c.gaps.flatMap { .init(rawValue: $0) } ?? .refuse
    data.split.unit = c.by.flatMap { .init(rawValue: $0) } ?? .windows
    func share(_ key: String) -> DataSpecification.PartSize? {
      if case .share(let share) = c.split[key] { share } else { nil }
    }
    (data.split.train, data.split.validation, data.split.test) = (
      share("train"), share("validation"), share("test")
    )
    data.calendar = (c.calendar ?? []).map { CalendarField(rawValue: $0)! }
    (data.categorical, data.known, data.statics) = (c.categorical ?? [], c.known ?? [], c.static ?? [])
    data.weight = c.weight
    return data
  }

  @Test(arguments: Reference.stored.cases.indices)
  func `windows, splits, scales and calendars are those of pandas`(_ number: Int) throws {
    let expected = Reference.stored.cases[number]
    let c = expected.configuration
    let folder = try TemporaryFolder()
    let path = try folder.write("panel.csv", c.gaps == nil ? Reference.stored.table : Reference.stored.holes)
    let data = try LoadedData(specification(c, path))
    #expect(data.categoryNames == expected.categories)
    var index = 0
    for (part, set) in [("train", data.train), ("validation", data.validation), ("test", data.test)] {
      let samples = expected.samples[part]!
      #expect((set?.count ?? 0) == samples.count, "\(part)")
      for (place, sample) in samples.enumerated() {
        let batch = set!.batch([Int32(place)])
        let inputs = Array(batch.inputs)
        #expect(inputs.count == sample.inputs.count)
        #expect(
          zip(inputs, sample.inputs).allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($1)) }, "\(part) \(place)"
        )
        let targets = (0..<batch.shape.targetWidth).map { batch.values[$0] }
        #expect(
          zip(targets, sample.targets).allSatisfy { own, other in
            other.map { abs(own - $0) <= 2e-6 * max(1, abs($0)) } ?? own.isNaN
          }, "\(part) \(place): \(targets) \(sample.targets)")
        if let codes = batch.categories {
          #expect((0..<sample.codes.count).map { codes[$0] } == sample.codes)
        }
        if c.weight != nil { #expect(batch.weights![0] == sample.weight) }
        #expect(
          data.places?.series(of: index) == sample.series && data.places?.time(of: index) == sample.time)
        #expect(data.rows![index] == sample.row)
        index += 1
      }
    }
  }
}
