import Dataset
import Diagnostics
import TestSupport

struct CSVFuzz: FuzzedReader {
  static let name = "csv"
  private let path: String
  private let scratch: Scratch

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    path = scratch("d.csv")
  }

  var seeds: [[UInt8]] {
    [
      "a,\"b\",c,k\r\n1,2.5,-3e2,x\r\n\"4\",5.000000001,12345678901234567890,\"y \"\"z\"\"\"\n,7,8,x\n9,1,1,y\n",
      "a,b,c,k\n" + (0..<12).map { "\($0),\($0 * 7 % 5),0.\($0),x\($0 % 3)" }.joined(separator: "\n"),
      "k;c;b;a\n" + (0..<6).map { "\($0 % 2);\($0);1e-\($0);-\($0)" }.joined(separator: "\n") + "\n\n",
      "1;2;3\n4;5;6\n7;8;9\n 1 ; 2 ; 3 \n",
      "\u{FEFF}a,c,k\n1,2,p\n3,4,q\n5,,p\n7,8,q\n9,10,p\n",
    ].map { Array($0.utf8) }
  }

  var words: [String] {
    ["a", "b", "c", "k", "\"\"", "\"a\"", ",,", ";", "\r", "\r\n", "\u{FEFF}", "x", " "]
  }

  private static let specifications: [[DataSpecification]] = {
    var series = DataSpecification(format: .csv, path: "")
    (series.features, series.targets, series.scale) = (["a"], ["a", "c"], .standard)
    (series.window, series.horizon, series.gaps) = (2, 1, .linear)
    series.split.test = .fraction(0.3)
    var classes = DataSpecification(format: .csv, path: "")
    (classes.features, classes.label, classes.gaps, classes.scale) = (["a", "c"], "k", .drop, .minmax)
    classes.split = .init(train: .rest, validation: .count(1))
    var plain = DataSpecification(format: .csv, path: "")
    (plain.features, plain.targets, plain.header, plain.delimiter) = (["0", "2"], ["1"], false, ";")
    (plain.gaps, plain.scale, plain.fitScaleOn) = (.previous, .minmax, .all)
    var strict = classes
    (strict.gaps, strict.delimiter, strict.window) = (.refuse, ";", 3)
    var far = series
    (far.horizons, far.window, far.gaps, far.split) = ([1, 3], 2, .refuse, .init())
    var steps = series
    (steps.perStep, steps.window, steps.gaps) = (true, 3, .drop)
    return [[series, far, steps], [classes], [plain], [strict]]
  }()

  func read(_ bytes: [UInt8]) throws -> Int {
    try scratch.write("d.csv", bytes)
    let family = Self.specifications[choice(bytes, of: Self.specifications.count)]
    var specification = family[choice(bytes + [0], of: family.count)]
    specification.path = path
    return try LoadedData(specification).used()
  }
}

struct IDXFuzz: FuzzedReader {
  static let name = "idx"
  /// Deflate turns one byte into 1032 at most.
  static let memory = 160 << 20
  private let scratch: Scratch

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    try scratch.write("train-images-idx3-ubyte", ArrayFiles.images)
    try scratch.write("train-labels-idx1-ubyte", ArrayFiles.labels)
  }

  var seeds: [[UInt8]] {
    let large = ArrayFiles.idx(2051, [3, 20, 20], (0..<1200).map { UInt8($0 % 251) })
    return [
      ArrayFiles.images, ArrayFiles.labels, ArrayFiles.gzip(ArrayFiles.images),
      ArrayFiles.gzip(ArrayFiles.labels), ArrayFiles.gzip(large),
    ]
  }

  var words: [String] { ["\0\0\u{8}\u{3}", "\0\0\u{8}\u{1}", "\0\0\0\u{1}"] }

  /// As images or labels; sometimes packed, so that the damage lies inside.
  func read(_ bytes: [UInt8]) throws -> Int {
    let isPacked = bytes.starts(with: [31, 139])
    // Labels are so few that they stay short when packed.
    let isImages = isPacked ? bytes.count > 40 : bytes.starts(with: [0, 0, 8, 3])
    let name = "train-\(isImages ? "images-idx3" : "labels-idx1")-ubyte"
    try scratch.write(name, isPacked || choice(bytes, of: 3) > 0 ? bytes : ArrayFiles.gzip(bytes))
    defer { _ = try? scratch.write(name, isImages ? ArrayFiles.images : ArrayFiles.labels) }
    return try LoadedData(DataSpecification(format: .idx, path: scratch.path)).used()
  }
}

struct NPYFuzz: FuzzedReader {
  static let name = "npy"
  private let scratch: Scratch
  private let specification: DataSpecification
  private static let samples = ArrayFiles.npy(
    "<f4", "(2, 3, 2)", ArrayFiles.bytes((0..<12).map { Float($0) }))
  private static let labels = ArrayFiles.npy("<i2", "(2,)", ArrayFiles.bytes([Int16(1), 0]))

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    var specification = DataSpecification(format: .npy, path: scratch("x.npy"))
    specification.labelsPath = scratch("y.npy")
    self.specification = specification
  }

  var seeds: [[UInt8]] {
    [
      Self.samples, Self.labels, ArrayFiles.npy("<f8", "(2, 1)", ArrayFiles.bytes([0.5, -1])),
      ArrayFiles.npy("|u1", "(2, 4)", (0..<8).map { $0 }, version: 2),
      ArrayFiles.npy("<i8", "(2, 1)", ArrayFiles.bytes([3, 0]), version: 3),
      ArrayFiles.npy("<u2", "(2L, 2L)", ArrayFiles.bytes([UInt16(1), 2, 3, 4])),
    ]
  }

  var words: [String] {
    [
      "descr", "fortran_order", "shape", "True", "False", "<f4", "<f8", ">f4", "|b1", "<i8", "<u8", "<U3",
      "L", "()", "[('a', '<f4')]",
    ]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    let isLabels = choice(bytes, of: 2) == 0
    try scratch.write("x.npy", isLabels ? Self.samples : bytes)
    try scratch.write("y.npy", isLabels ? bytes : Self.labels)
    return try LoadedData(specification).used()
  }
}

struct TSFuzz: FuzzedReader {
  static let name = "ts"
  private let scratch: Scratch
  init(_ scratch: Scratch) throws { self.scratch = scratch }

  var seeds: [[UInt8]] {
    [
      ArrayFiles.ts, "@targetLabel true\n@data\n1,2:3\n4,5:6\n",
      "@problemName p\n@univariate true\n@equalLength true\n@classLabel true 0 1 2\n@data\n"
        + (0..<9).map { "\($0),0.5,-\($0)e2:\($0 % 3)" }.joined(separator: "\n"),
      "@dimensions 2\n@equalLength false\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7:8:b\n9,-1:0.5,1e3:a\n",
      "@univariate true\n@targetLabel true\n@data\n"
        + (1..<9).map { "\((0..<$0).map(String.init).joined(separator: ",")):\($0).5" }.joined(
          separator: "\n"),
    ].map { Array($0.utf8) }
  }

  var words: [String] {
    [
      "@problemName", "@timeStamps", "@missing", "@univariate", "@dimensions", "@equalLength",
      "@seriesLength",
      "@classLabel", "@targetLabel", "@data", "true", "false", ":", "?", "NaN", "#", "%", "walk", "\r\n",
    ]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    var specification = DataSpecification(format: .ts, path: try scratch.write("d.ts", bytes))
    if choice(bytes, of: 2) == 0 { specification.scale = .standard }
    if choice(bytes, of: 3) == 0 { specification.split = .init(train: .fraction(0.5), test: .rest) }
    return try LoadedData(specification).used()
  }
}
