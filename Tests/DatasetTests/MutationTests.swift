import Dataset
import Diagnostics
import Files
import TestSupport
import Testing

/// Small valid files with random damage: whatever comes out, it is data or a `Failure` of one line, and never the end of the process.
@Suite(.tags(.fast)) struct MutationTests {
  /// One to eight changes: bytes flipped, replaced by telling ones, removed, doubled or moved; or the end cut off.
  private func mutated(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = bytes
    let telling = Array("0,.:;-+eE\"'\n\r\t @#()[]{}?nN".utf8) + [0, 1, 8, 127, 128, 254, 255]
    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
      let i = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes[i] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[i] = telling.randomElement(using: &random)!
      case 2: bytes.remove(at: i)
      case 3: bytes.insert(telling.randomElement(using: &random)!, at: i)
      case 4: bytes.removeLast(min(bytes.count, Int.random(in: 0..<20, using: &random)))
      case 5: bytes.insert(contentsOf: bytes[i...].prefix(9), at: i)
      default: bytes.swapAt(i, Int.random(in: 0..<bytes.count, using: &random))
      }
    }
    return bytes
  }

  private func run(
    _ seed: UInt64, _ file: [UInt8], cases: Int = 3000, _ read: ([UInt8]) throws -> Void
  ) {
    var random = SplitMix(state: seed)
    var failures = 0
    for number in 0..<cases {
      do { try read(mutated(file, &random)) } catch let failure as Failure {
        failures += 1
        if failure.message.contains("\n") || failure.kind != .badData {
          Issue.record("case \(number): \(failure.kind) \(failure.message)")
        }
      } catch { Issue.record("case \(number): \(error)") }
    }
    #expect(failures > cases / 10)
  }

  @Test(arguments: DataSpecification.GapPolicy.allCases)
  func csv(_ gaps: DataSpecification.GapPolicy) {
    let text =
      "a,\"b\",c,k\r\n1,2.5,-3e2,x\r\n\"4\",5.000000001,12345678901234567890,\"y \"\"z\"\"\"\n,7,8,x\n9,1,1,y\n"
    run(11, Array(text.utf8)) { bytes in
      let header = try CSVHeader(
        InputFile(path: "d.csv", bytes: bytes), delimiter: UInt8(ascii: ","), hasNames: true)
      let columns = [try header.index(of: "a", key: "k"), try header.index(of: "c", key: "k")]
      let table = try CSVReader.read(
        header, columns: columns, names: [try header.index(of: "k", key: "k")], gaps: gaps)
      #expect(table.rows == table.names[0].codes.count && table[table.rows - 1, 1].isFinite)
      #expect(table.location(row: table.rows - 1, fileColumn: 0).contains("line"))
    }
  }

  @Test func csvThroughWindows() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<12).map { "\($0),\($0 * 7 % 5)" }.joined(separator: "\n")
    var specification = DataSpecification(format: .csv, path: folder.path + "/d.csv")
    (specification.features, specification.targets, specification.scale) = (["a"], ["a", "b"], .standard)
    (specification.window, specification.horizon, specification.gaps) = (3, 1, .linear)
    specification.split.test = .fraction(0.3)
    run(12, Array("a,b\n\(rows)".utf8), cases: 1500) { bytes in
      try folder.write("d.csv", bytes)
      let data = try LoadedData(specification)
      #expect(data.train!.arrays().inputs.allSatisfy { $0.isFinite } && data.rows!.count > 0)
    }
  }

  @Test func npy() {
    let file = ArrayFiles.npy("<i2", "(2, 3, 2)", ArrayFiles.bytes((0..<12).map { Int16($0) }))
    run(13, file) { bytes in _ = try NPYFile(InputFile(path: "x.npy", bytes: bytes)) }
  }

  @Test func npyThroughSamples() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .npy, path: folder.path + "/x.npy")
    specification.labelsPath = folder.path + "/y.npy"
    let data = ArrayFiles.npy("<f4", "(2, 3, 2)", ArrayFiles.bytes((0..<12).map { Float($0) }))
    let labels = ArrayFiles.npy("<i2", "(2,)", ArrayFiles.bytes([Int16(1), 0]))
    try folder.write("x.npy", data)
    run(14, labels, cases: 1500) { bytes in
      try folder.write("y.npy", bytes)
      #expect(try LoadedData(specification).train?.arrays().classes.count == 2)
    }
    try folder.write("y.npy", labels)
    run(15, data, cases: 1500) { bytes in
      try folder.write("x.npy", bytes)
      #expect(try LoadedData(specification).train?.arrays().inputs.count ?? 0 > 0)
    }
  }

  @Test(arguments: [false, true])
  func idx(_ compressed: Bool) {
    let file = compressed ? ArrayFiles.gzip(ArrayFiles.images) : ArrayFiles.images
    run(16, file, cases: 5000) { bytes in
      let images = try IDXFile(InputFile(path: "i", bytes: bytes), dimensions: 3)
      #expect(images.elements.count == images.shape.reduce(1, *))
    }
  }

  @Test func ts() {
    run(17, Array(ArrayFiles.ts.utf8), cases: 5000) { bytes in
      let series = try TSFile(InputFile(path: "d.ts", bytes: bytes))
      #expect(series.values.count >= series.samples * series.dimensions)
    }
  }
}
