import Batches
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// An array cut into files is the array.
@Suite(.tags(.fast)) struct ShardTests {
  private let folder: TemporaryFolder
  private let numbers = (0..<240).map { Float(($0 * 37) % 101) / 7 }
  private static let cuts = [0..<3, 3..<20, 20..<21, 21..<40]

  /// `[40, 3, 2]`: as a file and in shards, with labels.
  init() throws {
    folder = try TemporaryFolder()
    try write("x", 0..<40, "all")
    for name in ["inputs", "labels"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    for (number, samples) in Self.cuts.enumerated() { try write("", samples, "\(number)") }
  }

  private func write(_ prefix: String, _ samples: Range<Int>, _ name: String) throws {
    let own = Array(numbers[samples.lowerBound * 6..<samples.upperBound * 6])
    let isWhole = !prefix.isEmpty
    try folder.write(
      isWhole ? "x.npy" : "inputs/\(name).npy",
      ArrayFiles.npy("<f4", "(\(samples.count), 3, 2)", ArrayFiles.bytes(own)))
    try folder.write(
      isWhole ? "y.npy" : "labels/\(name).npy",
      ArrayFiles.npy("<i8", "(\(samples.count),)", ArrayFiles.bytes(samples.map { $0 % 3 })))
  }

  private func specification(_ path: String, _ labels: String?) -> DataSpecification {
    var data = DataSpecification(format: .npy, path: path.isEmpty ? "" : "\(folder.path)/\(path)")
    data.labelsPath = labels.map { "\(folder.path)/\($0)" }
    data.scale = .standard
    data.split = .init(train: .count(25), validation: .count(5), test: .rest)
    return data
  }

  private var whole: DataSpecification { specification("x.npy", "y.npy") }
  private var shards: DataSpecification { specification("inputs", "labels") }

  private func files(_ folder: String) -> [String] {
    Self.cuts.indices.map { "\(self.folder.path)/\(folder)/\($0).npy" }
  }

  private func expectWhole(_ specification: DataSpecification) throws {
    let (own, other) = (try LoadedData(specification), try LoadedData(whole))
    #expect(own.scaler == other.scaler && own.shape == other.shape && own.classNames == other.classNames)
    let samples: [Int32] = [4, 0, 3, 1, 2]
    for (a, b) in [(own.train, other.train), (own.validation, other.validation), (own.test, other.test)] {
      #expect(a?.arrays() == b?.arrays() && a?.arrays(samples) == b?.arrays(samples))
      #expect(a?.readingFailure == nil)
    }
  }

  /// By a folder, a pattern, a list and a list of patterns; in memory and out of it.
  @Test(arguments: [nil, 1, 960, 959]) func areTheArray(memory: Int?) throws {
    var all = [whole, shards, specification("inputs/*.npy", "labels/?.npy")]
    var list = specification("", nil)
    (list.paths, list.labelsPaths) = (files("inputs"), files("labels"))
    all.append(list)
    list.paths = ["\(folder.path)/inputs/0.npy", "\(folder.path)/inputs/[1-3].npy"]
    (list.labelsPaths, list.labelsPath) = ([], "\(folder.path)/labels")
    all.append(list)
    for var specification in all {
      (specification.memory, specification.shuffleBlock) = (memory, memory.map { _ in 4 })
      try expectWhole(specification)
    }
  }

  /// Of targets that are numbers, too.
  @Test func valuesAreTheArray() throws {
    for (number, samples) in Self.cuts.enumerated() {
      let values = samples.flatMap { [Float($0), Float($0 % 7)] }
      try folder.write(
        "labels/\(number).npy", ArrayFiles.npy("<f4", "(\(samples.count), 2)", ArrayFiles.bytes(values)))
    }
    let values = (0..<40).flatMap { [Float($0), Float($0 % 7)] }
    try folder.write("y.npy", ArrayFiles.npy("<f4", "(40, 2)", ArrayFiles.bytes(values)))
    for memory in [nil, 1] {
      var specification = shards
      specification.memory = memory
      try expectWhole(specification)
    }
  }

  /// The fingerprint is that of the files, not of how they are named or held.
  @Test func aFingerprintTellsOtherShards() throws {
    var data = shards
    let first = try LoadedData(data).fingerprint
    data.memory = 1
    #expect(try LoadedData(data).fingerprint == first)
    #expect(try LoadedData(specification("inputs/*", "labels/*")).fingerprint == first)
    var labels = try Data(contentsOf: URL(fileURLWithPath: files("labels")[1]))
    labels[labels.count - 8] ^= 1
    try labels.write(to: URL(fileURLWithPath: files("labels")[1]))
    #expect(try LoadedData(data).fingerprint != first)
  }

  @Test func shardsThatDoNotGoTogetherAreNamed() throws {
    func failure(_ change: () throws -> Void) throws -> String {
      try change()
      defer { for (number, samples) in Self.cuts.enumerated() { try? write("", samples, "\(number)") } }
      return message(folder) { _ = try LoadedData(shards) }
    }
    let floats = ArrayFiles.bytes([Float](repeating: 0, count: 12))
    #expect(
      try failure { try folder.write("inputs/2.npy", ArrayFiles.npy("<f4", "(2, 2, 3)", floats)) }
        == "inputs/2.npy: has the shape [2, 2, 3], and inputs/0.npy the shape [3, 3, 2]; shards differ in their first size alone"
    )
    #expect(
      try failure { try folder.write("inputs/2.npy", ArrayFiles.npy("<f8", "(1, 3, 2)", floats)) }
        == "inputs/2.npy: holds elements of type '<f8', and inputs/0.npy of type '<f4'; all shards have one")
    #expect(
      try failure { try folder.write("inputs/3.npy", ArrayFiles.npy("<f4", "(2, 3, 2)", floats)) }
        == "labels/3.npy: has the shape [19]; needed is one row for each of the 2 samples of inputs/3.npy")
    #expect(
      try failure {
        try folder.write("inputs/3.npy", Array(ArrayFiles.gzip(ArrayFiles.npy("<f4", "(2, 3, 2)", floats))))
      }
        == "inputs/3.npy: is packed by gzip, and shards are read in places; unpack it")
    #expect(try failure { try folder.write("inputs/0.npy", "") } == "inputs/0.npy: is empty")
    #expect(
      try failure { try folder.write("inputs/0.npy", ArrayFiles.npy("<f4", "(0, 3, 2)", [])) }
        == "inputs/0.npy: has the shape [0, 3, 2]; a shard has one sample at least")
    #expect(
      try failure { try FileManager.default.removeItem(atPath: files("labels")[3]) }
        == "data.labels_path: there are 3 files of labels for the 4 of samples; give one for each, in the same order"
    )
    #expect(
      message(folder) { _ = try LoadedData(specification("nothing*", "labels")) }
        .hasPrefix("data.path: no file fits '"))
  }

  @Test func aFolderWithoutShardsIsNamed() throws {
    try FileManager.default.createDirectory(atPath: "\(folder.path)/empty", withIntermediateDirectories: true)
    #expect(
      message(folder) { _ = try LoadedData(specification("empty", "labels")) }
        == "empty: there is no .npy file in this folder; check data.path")
  }

  /// Whatever has the name of a shard is one: what is none would else be missing from the data.
  @Test(arguments: ["FIFO", "folder", "loop", "hole", "twice"]) func whatIsNoShardIsNamed(what: String) throws
  {
    let path = "\(folder.path)/inputs/5.npy"
    let manager = FileManager.default
    switch what {
    case "FIFO": #expect(mkfifo(path, 0o600) == 0)
    case "folder": try manager.createDirectory(atPath: path, withIntermediateDirectories: false)
    case "loop": try manager.createSymbolicLink(atPath: path, withDestinationPath: path)
    case "hole": try manager.createSymbolicLink(atPath: path, withDestinationPath: "nowhere.npy")
    default: try manager.createSymbolicLink(atPath: path, withDestinationPath: "3.npy")
    }
    for specification in [shards, specification("inputs/*.npy", "labels")] {
      let text = message(folder) { _ = try LoadedData(specification) }
      let expected = [
        "FIFO": "inputs/5.npy is not a regular file, and has to be read more than once; check data.path",
        "folder": "inputs/5.npy is a folder, not a file; check data.path",
        "loop": "inputs/5.npy: Too many levels of symbolic links; check data.path",
        "hole": "inputs/5.npy: No such file or directory; check data.path",
        "twice": "data.path: inputs/3.npy and inputs/5.npy are the same file; name it once",
      ]
      #expect(text == expected[what])
    }
  }

  /// Shards that are no arrays, or arrays of another kind.
  @Test func oddShardsAreNamed() throws {
    let floats = ArrayFiles.bytes([Float](repeating: 0, count: 6))
    let odd: [([UInt8], String)] = [
      (ArrayFiles.npy("<f4", "(1, 3, 2)", floats, order: "True"), "is in Fortran order"),
      (ArrayFiles.npy(">f4", "(1, 3, 2)", floats), "holds elements of type '>f4'; save little-endian"),
      (ArrayFiles.npy("<f4", "()", Array(floats[..<4])), "holds one number; a shard has one sample at least"),
      (Array(ArrayFiles.npy("<f4", "(1, 3, 2)", floats).dropLast()), "is truncated: its header declares 24"),
      (ArrayFiles.npy("<f4", "(1, 3, 2)", floats + [0]), "holds 25 bytes of numbers, more than the 24"),
      (Array("a,b\n1,2\n".utf8), "is not an npy file"), ([], "is empty"),
    ]
    for (bytes, reason) in odd {
      try folder.write("inputs/2.npy", bytes)
      let text = message(folder) { _ = try LoadedData(shards) }
      #expect(text.hasPrefix("inputs/2.npy: \(reason)"), "\(text)")
    }
  }

  /// Names are bytes, in whose order shards stand; other programs' hidden files are none.
  @Test func shardsMayHaveAnyName() throws {
    for name in ["inputs", "labels"] {
      for (old, new) in [("0", " a b"), ("1", "a\nb"), ("2", "ä*[0]"), ("3", "\u{10348}")] {
        try FileManager.default.moveItem(
          atPath: "\(folder.path)/\(name)/\(old).npy", toPath: "\(folder.path)/\(name)/\(new).npy")
      }
      try folder.write("\(name)/.hidden.npy", "")
    }
    try expectWhole(shards)
  }

  /// Blocks are read ahead as far as memory goes: those that are mixed and those that come after them.
  @Test func whatIsReadAheadHasABound() throws {
    var data = shards
    func ahead(_ cases: [(memory: Int?, block: Int?)]) throws -> [Int?] {
      try cases.map {
        (data.memory, data.shuffleBlock) = ($0.memory, $0.block)
        return try LoadedData(data).train?.samplesAhead
      }
    }
    // A sample has 24 bytes in its file, and 16 blocks are mixed.
    #expect(try ahead([(nil, 1), (960, 1)]) == [nil, nil])
    #expect(try ahead([(959, 1), (600, 1), (24 * 16, 1), (1, 1)]) == [16, 9, 0, 0])
    #expect(try ahead([(480, nil), (480, 2)]) == [10, 10])
  }

  /// What is not a number is found where it is read, with its place.
  @Test func aNumberThatIsNoneIsFoundInItsShard() throws {
    var changed = numbers
    changed[25 * 6 + 3] = .nan
    let own = Array(changed[21 * 6..<40 * 6])
    try folder.write("inputs/3.npy", ArrayFiles.npy("<f4", "(19, 3, 2)", ArrayFiles.bytes(own)))
    var data = shards
    (data.memory, data.scale) = (1, .none)
    let loaded = try LoadedData(data)
    _ = loaded.train?.arrays()
    #expect(loaded.train?.readingFailure == nil)
    _ = loaded.validation?.arrays()
    let failure = try #require(loaded.validation?.readingFailure)
    #expect(failure.kind == .badData)
    #expect(failure.message.hasSuffix("inputs/3.npy, element [4, 1, 1]: nan is not a usable number"))
    data.memory = nil
    #expect(message { _ = try LoadedData(data) } == failure.message)
  }

  /// Shards that another program writes to, cuts, replaces or removes while they are in use.
  @Test(arguments: ["written", "cut", "replaced", "removed"]) func aChangeIsNoticed(how: String) throws {
    var data = shards
    data.memory = 1
    let loaded = try LoadedData(data)
    let train = try #require(loaded.train)
    _ = train.arrays([0, 5])
    #expect(train.readingFailure == nil)
    let path = files("inputs")[1]
    // A file system may count time in steps of some milliseconds.
    usleep(50_000)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    switch how {
    case "written":
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.seek(toOffset: 100)
      try handle.write(contentsOf: Data([1]))
      try handle.close()
    case "cut": try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: 150)
    case "replaced": try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    default: try FileManager.default.removeItem(atPath: path)
    }
    // Those of another shard are still there.
    _ = train.arrays([0])
    #expect(train.readingFailure == nil)
    _ = train.arrays([6])
    let failure = try #require(train.readingFailure)
    #expect(failure.message.contains("inputs/1.npy"))
    switch how {
    case "written": #expect(failure.kind == .inputOutput && failure.message.contains("has been written to"))
    case "cut": #expect(failure.message.contains("bytes and has 150 now"))
    default: #expect(failure.kind == .missingInput && failure.message.contains("is not there any more"))
    }
  }

  /// More files than may be open at a time.
  @Test func manyShards() throws {
    var inputs: [String] = []
    for sample in 0..<150 {
      inputs.append(
        try folder.write("m\(sample).npy", ArrayFiles.npy("<f4", "(1, 1)", ArrayFiles.bytes([Float(sample)])))
      )
    }
    try folder.write(
      "n.npy", ArrayFiles.npy("<i4", "(150,)", ArrayFiles.bytes([Int32](repeating: 0, count: 150))))
    var data = DataSpecification(format: .npy, path: "")
    data.paths = inputs
    data.labelsPaths = try (0..<150).map {
      try folder.write("l\($0).npy", ArrayFiles.npy("|u1", "(1,)", [UInt8($0 % 2)]))
    }
    data.memory = 1
    let train = try #require(LoadedData(data).train)
    for _ in 0..<2 { #expect(train.arrays().inputs == (0..<150).map { Float($0) }) }
    #expect(train.readingFailure == nil)
  }
}
