import Batches
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// IDX in several files is IDX in one.
@Suite(.tags(.fast)) struct ImageShardTests {
  private let folder: TemporaryFolder
  /// All values that a pixel may have.
  private let pixels = (0..<40 * 12).map { UInt8($0 % 256) }
  private static let cuts = [0..<3, 3..<20, 20..<21, 21..<40]

  init() throws {
    folder = try TemporaryFolder()
    for name in ["whole", "images", "labels"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    try write("whole/train-images-idx3-ubyte", "whole/train-labels-idx1-ubyte", 0..<40)
    for (number, samples) in Self.cuts.enumerated() { try writeShard(number, samples) }
  }

  private func write(_ images: String, _ labels: String, _ samples: Range<Int>) throws {
    let own = Array(pixels[samples.lowerBound * 12..<samples.upperBound * 12])
    try folder.write(images, ArrayFiles.idx(2051, [samples.count, 4, 3], own))
    try folder.write(labels, ArrayFiles.idx(2049, [samples.count], samples.map { UInt8($0 * 7 % 5) }))
  }

  private func writeShard(_ number: Int, _ samples: Range<Int>) throws {
    try write("images/\(number)-idx3-ubyte", "labels/\(number)-idx1-ubyte", samples)
  }

  private func specification(_ path: String, _ labels: String?) -> DataSpecification {
    var data = DataSpecification(format: .idx, path: "\(folder.path)/\(path)")
    data.labelsPath = labels.map { "\(folder.path)/\($0)" }
    data.split = .init(train: .count(25), validation: .count(5), test: .rest)
    return data
  }

  private var shards: DataSpecification { specification("images", "labels") }

  @Test(arguments: [nil, 1, 1919]) func areTheFolder(memory: Int?) throws {
    let whole = try LoadedData(specification("whole", nil))
    var list = specification("images/0*", "labels")
    list.path = ""
    list.paths = ["\(folder.path)/images/[0-1]*", "\(folder.path)/images/[2-3]*"]
    let file = specification("whole/train-images-idx3-ubyte", "whole/train-labels-idx1-ubyte")
    for var data in [shards, specification("images/*", "labels/*"), list, file] {
      data.memory = memory
      let own = try LoadedData(data)
      #expect(own.shape == whole.shape && own.classNames == whole.classNames && own.scaler == nil)
      #expect((own.train?.samplesAhead == nil) == (memory == nil))
      for (a, b) in [
        (own.train, whole.train), (own.validation, whole.validation), (own.test, whole.test),
      ] {
        #expect(a?.arrays() == b?.arrays() && a?.arrays([3, 0, 2]) == b?.arrays([3, 0, 2]))
        #expect(a?.readingFailure == nil)
      }
    }
  }

  @Test func aLargeFolderIsRefused() throws {
    var data = specification("whole", nil)
    data.memory = 496
    #expect(try LoadedData(data).train?.count == 25)
    data.memory = 495
    #expect(
      message(folder) { _ = try LoadedData(data) }.hasPrefix(
        "whole: its images take 0.0 MiB, more than data.memory, 0.0 MiB; name the files one by one"
      ))
  }

  @Test func partsOfTheirOwn() throws {
    var data = shards
    data.split = .init()
    data.testPath = "\(folder.path)/whole/train-images-idx3-ubyte"
    data.testLabelsPath = "\(folder.path)/whole/train-labels-idx1-ubyte"
    let loaded = try LoadedData(data)
    #expect(loaded.train?.arrays() == loaded.test?.arrays())
    data.testLabelsPath = nil
    #expect(
      message { _ = try LoadedData(data) }
        == "data.test_path and data.test_labels_path belong together; set both or none")
    data = specification("images/*", nil)
    #expect(
      message { _ = try LoadedData(data) }
        == "data.labels_path is missing: idx needs the file with the labels of data.path")
    data.areTargetsOptional = true
    #expect(try LoadedData(data, classNames: ["a", "b"]).train?.arrays([0]).classes == [-1])
  }

  @Test func shardsThatDoNotGoTogetherAreNamed() throws {
    func failure(_ change: () throws -> Void) throws -> String {
      try change()
      defer { for (number, samples) in Self.cuts.enumerated() { try? writeShard(number, samples) } }
      return message(folder) { _ = try LoadedData(shards) }
    }
    let (images, labels) = ("images/2-idx3-ubyte", "labels/2-idx1-ubyte")
    #expect(
      try failure { try folder.write(images, ArrayFiles.idx(2051, [1, 3, 4], Array(pixels[..<12]))) }
        == "\(images): has the shape [1, 3, 4], and images/0-idx3-ubyte the shape [3, 4, 3]; shards differ in their first size alone"
    )
    #expect(
      try failure { try folder.write(images, ArrayFiles.idx(2049, [12], Array(pixels[..<12]))) }
        == "\(images): has magic number 2049, not that of IDX images (magic number 2051)")
    #expect(
      try failure { try folder.write(images, ArrayFiles.idx(2051, [1, 4, 3], Array(pixels[..<11]))) }
        == "\(images): is truncated: its header declares 28 bytes, it holds 27")
    #expect(
      try failure { try folder.write(images, ArrayFiles.idx(2051, [0, 4, 3], [])) }
        == "\(images): declares the shape [0, 4, 3]: every size must be at least 1")
    #expect(try failure { try folder.write(images, "") } == "\(images): is empty")
    #expect(
      try failure { try folder.write(images, ArrayFiles.gzip(ArrayFiles.images)) }
        == "\(images): is packed by gzip, and shards are read in places; unpack it")
    #expect(
      try failure { try folder.write(labels, ArrayFiles.idx(2049, [2], [0, 1])) }
        == "\(labels): has the shape [2]; needed is one row for each of the 1 samples of \(images)")
    #expect(
      message(folder) { _ = try LoadedData(shards, classNames: ["a", "b"]) }
        == "labels/0-idx1-ubyte, element [1]: class label 2 is out of range; classes go from 0 to 1")
    #expect(
      message(folder) { _ = try LoadedData(specification("labels", "labels")) }
        == "labels: there is no idx3-ubyte file in this folder; check data.path")
  }
}
