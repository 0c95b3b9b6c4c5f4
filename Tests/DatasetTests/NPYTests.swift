import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct NPYTests {
  private let numbers: [Float] = (0..<12).map { Float($0) }
  private var cube: [UInt8] { ArrayFiles.npy("<f4", "(2, 3, 2)", ArrayFiles.bytes(numbers)) }
  private var labels: [UInt8] { ArrayFiles.npy("<i8", "(2,)", ArrayFiles.bytes([1, 0])) }

  private func load(
    _ data: [UInt8], _ labels: [UInt8], _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> LoadedData {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .npy, path: try folder.write("x.npy", data))
    specification.labelsPath = try folder.write("y.npy", labels)
    change(&specification)
    do { return try LoadedData(specification) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  private func failure(_ data: [UInt8], _ labels: [UInt8]) -> String {
    message { _ = try load(data, labels) }
  }

  @Test func aLabelFarFromTheOthersIsNoCountOfClasses() throws {
    let many = try load(cube, ArrayFiles.npy("<i8", "(2,)", ArrayFiles.bytes([4095, 0])))
    #expect(many.classNames.count == 4096)
    let line = failure(cube, ArrayFiles.npy("<i8", "(2,)", ArrayFiles.bytes([0, 1_048_575])))
    #expect(line.contains("y.npy") && line.contains("class label 1048575 makes 1048576 classes of 2 labels"))
  }

  @Test func sequencesAndClasses() throws {
    let data = try load(cube, labels)
    #expect(data.shape == SampleShape(steps: 3, features: 2, target: .classes(count: 2)))
    #expect(data.classNames == ["0", "1"] && data.featureNames == ["0", "1"] && data.rows == nil)
    let batch = data.train?.arrays()
    #expect(batch?.inputs == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11] && batch?.classes == [1, 0])
  }

  @Test func twoDimensionsAreOneStep() throws {
    let data = try load(
      ArrayFiles.npy("<f8", "(3, 2)", ArrayFiles.bytes((0..<6).map(Double.init))),
      ArrayFiles.npy("<f8", "(3, 2)", ArrayFiles.bytes([1.5, 2, 3, 4, 5, 6])))
    #expect(data.shape == SampleShape(steps: 1, features: 2, target: .values(width: 2)))
    #expect(
      data.train?.arrays([2, 0]) == BatchArrays(inputs: [4, 5, 0, 1], values: [5, 6, 1.5, 2], classes: []))
    #expect(data.classNames.isEmpty && data.targetNames == ["0", "1"])
  }

  @Test func elementTypes() throws {
    func first(_ descr: String, _ body: [UInt8]) throws -> [Float]? {
      let labels = ArrayFiles.npy("<f4", "(1, 1)", ArrayFiles.bytes([Float(0)]))
      return try load(ArrayFiles.npy(descr, "(1, 2)", body), labels).train?.arrays().inputs
    }
    #expect(try first("|u1", [255, 1]) == [255, 1])
    #expect(try first("|i1", [255, 1]) == [-1, 1])
    #expect(try first("|b1", [0, 1]) == [0, 1])
    #expect(try first("<i2", ArrayFiles.bytes([Int16(-300), 2])) == [-300, 2])
    #expect(try first("<u2", ArrayFiles.bytes([UInt16(65_535), 2])) == [65_535, 2])
    #expect(try first("<i4", ArrayFiles.bytes([Int32(-70_000), 2])) == [-70_000, 2])
    #expect(try first("<u4", ArrayFiles.bytes([UInt32.max, 2])) == [4_294_967_296, 2])
    #expect(try first("<i8", ArrayFiles.bytes([Int64.min, 2])) == [-9_223_372_036_854_775_808, 2])
    #expect(try first("<u8", ArrayFiles.bytes([UInt64.max, 2])) == [18_446_744_073_709_551_616, 2])
  }

  @Test func versionsAndSplits() throws {
    for version in [1, 2, 3] as [UInt8] {
      let cube = ArrayFiles.npy("<f4", "(2, 3, 2)", ArrayFiles.bytes(numbers), version: version)
      let data = try load(cube, labels) { ($0.split.test, $0.scale) = (.fraction(0.5), .minmax) }
      #expect(data.train?.arrays().inputs == [0, 0, 0.5, 0.5, 1, 1])
      #expect(
        data.test?.arrays() == BatchArrays(inputs: [1.5, 1.5, 2, 2, 2.5, 2.5], values: [], classes: [0]))
    }
  }

  @Test func headersThatAreWrong() {
    func header(_ text: String) -> String { failure(ArrayFiles.npy(header: text, []), labels) }
    #expect(failure([], labels) == "x.npy: is empty")
    #expect(failure([1, 2, 3], labels) == "x.npy: is not an npy file")
    #expect(failure(Array(cube.prefix(9)), labels) == "x.npy: is not an npy file")
    #expect(failure(Array(cube.prefix(30)), labels) == "x.npy: is truncated inside its header")
    #expect(
      failure(ArrayFiles.npy("<f4", "(1,1)", [], version: 9), labels).hasPrefix("x.npy: is in version 9"))
    #expect(header("nonsense") == "x.npy: has a header that can't be read")
    #expect(
      header("{'descr': '<f4', 'fortran_order': False}").hasPrefix("x.npy: has a header without a plain"))
    #expect(
      header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }").contains("without a plain")
    )
    #expect(header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }").contains("can't be read"))
    #expect(
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }")
        == "x.npy: declares the shape [4294967296, 4294967296]: far too large")
    #expect(
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }").contains(
        "can't be read"))
    #expect(
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }")
        == "x.npy: is truncated: its header declares 4000000000000 bytes of numbers, it holds 0")
  }

  @Test func bodiesThatAreWrong() {
    for descr in [">f4", "<f2", "|O", "<c8", "<U3"] {
      #expect(
        failure(ArrayFiles.npy(descr, "(1, 1)", [0, 0, 0, 0]), labels)
          == "x.npy: holds elements of type '\(descr)'; save little-endian float32, float64 or integers")
    }
    #expect(
      failure(ArrayFiles.npy("<f4", "(1, 1)", [0, 0, 0, 0], order: "True"), labels)
        == "x.npy: is in Fortran order; save it with numpy.ascontiguousarray")
    #expect(
      failure(cube.dropLast(), labels)
        == "x.npy: is truncated: its header declares 48 bytes of numbers, it holds 47")
    #expect(
      failure(cube + [0], labels) == "x.npy: holds 49 bytes of numbers, more than the 48 its header declares")
    for shape in ["()", "(12,)", "(1, 2, 3, 2)", "(0, 3)", "(12, 0)"] {
      let body = shape.contains("0") ? [] : ArrayFiles.bytes(shape == "()" ? [1] : numbers)
      #expect(failure(ArrayFiles.npy("<f4", shape, body), labels).hasPrefix("x.npy: has the shape ["))
    }
    let nan = ArrayFiles.npy("<f4", "(2, 3, 2)", ArrayFiles.bytes(numbers.map { $0 == 9 ? Float.nan : $0 }))
    #expect(failure(nan, labels) == "x.npy, element [1, 1, 1]: nan is not a usable number")
    let large = ArrayFiles.npy("<f8", "(2, 1)", ArrayFiles.bytes([1, 1e300]))
    #expect(failure(large, labels).hasPrefix("x.npy, element [1, 0]: 1e+300 is too large for a 32-bit float"))
  }

  @Test func labelsThatAreWrong() throws {
    func labelled(_ descr: String, _ shape: String, _ body: [UInt8]) -> String {
      failure(cube, ArrayFiles.npy(descr, shape, body))
    }
    #expect(
      labelled("<i8", "(3,)", ArrayFiles.bytes([0, 1, 2]))
        == "y.npy: has the shape [3]; needed is one row for each of the 2 samples")
    #expect(labelled("<i8", "()", ArrayFiles.bytes([0])).hasPrefix("y.npy: has the shape []"))
    #expect(
      labelled("<i8", "(2, 2)", ArrayFiles.bytes([0, 1, 2, 3]))
        == "y.npy: has the shape [2, 2]: integer labels are classes, one for each sample")
    #expect(
      labelled("<i8", "(2,)", ArrayFiles.bytes([0, -1]))
        == "y.npy, element [1]: class label -1 is out of range; classes go from 0 to 1048575")
    #expect(
      labelled("<u8", "(2,)", ArrayFiles.bytes([UInt64.max, 0])).hasPrefix(
        "y.npy, element [0]: class label 1"))
    #expect(
      labelled("<f4", "(2,)", ArrayFiles.bytes([1, Float.infinity]))
        == "y.npy, element [1]: inf is not a usable number")
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .npy, path: try folder.write("x.npy", cube))
    #expect(message { _ = try LoadedData(specification) }.hasPrefix("data.labels_path is missing"))
    specification.labelsPath = try folder.write("y.npy", labels)
    #expect(
      message(folder) { _ = try LoadedData(specification, classNames: ["only"]) }
        == "y.npy, element [0]: class label 1 is out of range; classes go from 0 to 0")
    specification.testPath = try folder.write(
      "tx.npy", ArrayFiles.npy("<f4", "(2, 3)", [UInt8](repeating: 0, count: 24)))
    #expect(
      message { _ = try LoadedData(specification) }.hasPrefix(
        "data.test_path and data.test_labels_path belong"))
    specification.testLabelsPath = specification.labelsPath
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "tx.npy: its samples and targets have another shape than those of x.npy")
    specification.window = 3
    #expect(message { _ = try LoadedData(specification) } == "data.window is for csv, not for npy")
  }
}
