import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct IDXTests {
  private func load(
    _ files: [String: [UInt8]], classNames: [String]? = nil,
    _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> LoadedData {
    let folder = try TemporaryFolder()
    for (name, bytes) in files { try folder.write(name, bytes) }
    var specification = DataSpecification(format: .idx, path: folder.path)
    change(&specification)
    do { return try LoadedData(specification, classNames: classNames) } catch {
      let message = error.message.replacing(folder.path + "/", with: "").replacing(
        folder.path, with: "FOLDER")
      throw Failure(error.kind, message)
    }
  }

  private func failure(_ images: [UInt8], _ labels: [UInt8] = ArrayFiles.labels, suffix: String = "")
    -> String
  {
    message {
      _ = try load(["train-images-idx3-ubyte\(suffix)": images, "train-labels-idx1-ubyte\(suffix)": labels])
    }
  }

  @Test(arguments: ["-idx", ".idx"], [false, true])
  func imagesAreSequencesOfRows(_ separator: String, _ compressed: Bool) throws {
    let suffix = compressed ? ".gz" : ""
    func packed(_ bytes: [UInt8]) -> [UInt8] { compressed ? ArrayFiles.gzip(bytes) : bytes }
    let data = try load([
      "train-images\(separator)3-ubyte\(suffix)": packed(ArrayFiles.images),
      "train-labels\(separator)1-ubyte\(suffix)": packed(ArrayFiles.labels),
      "t10k-images\(separator)3-ubyte\(suffix)": packed(
        ArrayFiles.idx(2051, [1, 2, 3], [1, 2, 3, 4, 5, 255])),
      "t10k-labels\(separator)1-ubyte\(suffix)": packed(ArrayFiles.idx(2049, [1], [1])),
    ])
    #expect(data.shape == SampleShape(steps: 2, features: 3, target: .classes(count: 3)))
    #expect(data.classNames == ["0", "1", "2"] && data.scaler == nil && data.rows == nil)
    let expected = [6, 7, 8, 0, 1, 2, 9, 10, 11, 3, 4, 5].map { Float(ArrayFiles.pixels[$0]) / 255 }
    #expect(data.train?.arrays([1, 0]) == BatchArrays(inputs: expected, values: [], classes: [0, 2]))
    #expect(data.test?.arrays().inputs == [1, 2, 3, 4, 5, 255].map { Float($0) / 255 })
  }

  @Test func partsOfTheFolder() throws {
    let train = ["train-images-idx3-ubyte": ArrayFiles.images, "train-labels-idx1-ubyte": ArrayFiles.labels]
    let split = try load(train) { $0.split = .init(train: .rest, validation: .count(1), test: .count(1)) }
    #expect(split.train?.arrays().classes == [2] && split.validation?.arrays().classes == [0])
    #expect(split.test?.arrays().classes == [1])
    let held = ["t10k-images-idx3-ubyte": ArrayFiles.images, "t10k-labels-idx1-ubyte": ArrayFiles.labels]
    let onlyTest = try load(held)
    #expect(onlyTest.train == nil && onlyTest.test?.count == 3)
    let both = train.merging(held) { first, _ in first }
    #expect(
      message { _ = try load(both) { $0.split.test = .count(1) } }
        == "data.split.test is not for FOLDER: its t10k files are the test part")
    #expect(
      message { _ = try load(both, classNames: ["a", "b"]) }
        == "train-labels-idx1-ubyte, label 0: class label 2 is out of range; classes go from 0 to 1")
    let larger = both.merging(["t10k-images-idx3-ubyte": ArrayFiles.idx(2051, [3, 1, 1], [1, 2, 3])]) { $1 }
    #expect(
      message { _ = try load(larger) }
        == "t10k-images-idx3-ubyte: its images have another size than those of train-images-idx3-ubyte")
    let unseen = both.merging(["t10k-labels-idx1-ubyte": ArrayFiles.idx(2049, [3], [0, 9, 0])]) { $1 }
    #expect(
      message { _ = try load(unseen) }
        == "t10k-labels-idx1-ubyte, label 1: class label 9 is out of range; classes go from 0 to 2")
  }

  @Test func missingFiles() {
    #expect(
      message { _ = try load([:]) }
        == "FOLDER: there is no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in this folder; check data.path"
    )
    #expect(
      message { _ = try load(["train-images-idx3-ubyte": ArrayFiles.images]) }.hasPrefix(
        "FOLDER: there is no train-labels-idx1-ubyte"))
    #expect(message { _ = try load([:]) { $0.scale = .minmax } }.hasPrefix("data.scale is not for idx"))
    #expect(message { _ = try load([:]) { $0.testPath = "x" } }.hasPrefix("data.test_path is not for idx"))
    #expect(message { _ = try load([:]) { $0.features = ["a"] } } == "data.features is for csv, not for idx")
  }

  @Test func filesThatAreWrong() {
    let name = "train-images-idx3-ubyte"
    #expect(failure([]) == "\(name): is empty")
    #expect(failure([0, 0]) == "\(name): is truncated: no IDX header")
    #expect(failure([0, 0, 8, 3, 0, 0]) == "\(name): is truncated: no IDX header")
    #expect(
      failure(ArrayFiles.labels)
        == "\(name): has magic number 2049, not that of IDX images (magic number 2051)")
    #expect(
      failure(ArrayFiles.images, ArrayFiles.images)
        == "train-labels-idx1-ubyte: has magic number 2051, not that of IDX labels (magic number 2049)")
    #expect(
      failure(ArrayFiles.images.dropLast())
        == "\(name): is truncated: its header declares 34 bytes, it holds 33")
    #expect(
      failure(ArrayFiles.images + [0]) == "\(name): holds 35 bytes, more than the 34 its header declares")
    #expect(
      failure(ArrayFiles.idx(2051, [0, 2, 3], []))
        == "\(name): declares the shape [0, 2, 3]: every size must be at least 1")
    #expect(
      failure(ArrayFiles.idx(2051, [Int(UInt32.max), Int(UInt32.max), Int(UInt32.max)], []))
        == "\(name): declares the shape [4294967295, 4294967295, 4294967295]: far too large")
    #expect(
      failure(ArrayFiles.images, ArrayFiles.idx(2049, [2], [0, 1]))
        == "train-labels-idx1-ubyte: holds 2 labels for the 3 images of \(name)")
  }

  @Test func compressedFilesThatAreWrong() {
    let name = "train-images-idx3-ubyte.gz"
    let labels = ArrayFiles.gzip(ArrayFiles.labels)
    func failure(_ images: [UInt8]) -> String { self.failure(images, labels, suffix: ".gz") }
    let good = ArrayFiles.gzip(ArrayFiles.images)
    #expect(failure(Array(good.dropLast(9))) == "\(name): is truncated: its compressed data ends early")
    #expect(failure(Array(good.prefix(12))) == "\(name): is truncated: its compressed data ends early")
    #expect(failure(good + [1]) == "\(name): has something after its compressed data")
    var damaged = good
    damaged[good.count - 6] ^= 1
    #expect(failure(damaged) == "\(name): has damaged compressed data")
    #expect(
      failure(ArrayFiles.gzip(ArrayFiles.images.dropLast()))
        == "\(name): is truncated: its header declares 34 bytes, it holds 33")
    #expect(
      failure(ArrayFiles.gzip(ArrayFiles.images + [0])).hasPrefix("\(name): holds more than the 34 bytes"))
    let absurd = failure(ArrayFiles.gzip(ArrayFiles.idx(2051, [60_000, 28, 28], [])))
    #expect(absurd.hasPrefix("\(name): declares 47040016 bytes, more than"))
    // Ten million zeros after a header that declares 18 pixels: only one byte of them is ever decompressed.
    let bomb = ArrayFiles.gzip(ArrayFiles.idx(2051, [3, 2, 3], [UInt8](repeating: 0, count: 10_000_000)))
    #expect(failure(bomb).hasPrefix("\(name): holds more than the 34 bytes its header declares"))
    #expect(failure(ArrayFiles.gzip([])) == "\(name): is empty inside its compression")
  }
}
