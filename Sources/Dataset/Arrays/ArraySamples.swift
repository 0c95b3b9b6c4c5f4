import Diagnostics
import Files

extension LoadedData {
  /// Arrays of npy, and of idx where they are named file by file.
  init(
    arrays specification: DataSpecification, _ scaler: Scaler?, _ classNames: [String]?,
    _ group: LoadingGroup?
  ) throws(Failure) {
    var files: [InputFile] = []
    var count = classNames?.count
    var first: SampleSource?
    let sources = try SampleSources(specification) { (path, labelsPath, part) throws(Failure) in
      let source =
        if let shards = try specification.shardPaths(path, labelsPath, part) {
          try SampleSource(shards: shards, specification, part, &count, group)
        } else {
          try SampleSource(npy: path, labelsPath, part, specification, &count, &files, group)
        }
      let (own, main) = (source.shapeNumbers, first?.shapeNumbers ?? source.shapeNumbers)
      guard own == main else {
        throw .badData(
          "\(source.path): its samples and targets have another shape than those of \(first!.path)")
      }
      if first == nil { first = source }
      return source
    }
    let values = sources.main.values?.columns
    try self.init(
      specification, sources, scaler, featureNames: numbered(sources.main.inputs.columns),
      targetNames: numbered(values ?? 0), classNames: values == nil ? classNames ?? numbered(count ?? 0) : [],
      files: files, group)
  }

  init(ts specification: DataSpecification, _ scaler: Scaler?, _ classNames: [String]?) throws(Failure) {
    var files: [InputFile] = []
    var names = classNames
    var shape: [Int]?
    let sources = try SampleSources(specification) { (path, _, part) throws(Failure) in
      let file = try specification.open(path, key: part.pathKey)
      files.append(file)
      let isOptional = specification.areTargetsOptional
      let series = try TSFile(
        file, targets: isOptional ? classNames == nil ? .anyValues : .anyClasses : .all,
        gaps: specification.gaps)
      if names == nil { names = series.header.classNames }
      let found = [series.dimensions, series.hasTargetValues ? 1 : 0]
      guard shape ?? found == found else {
        throw file.failure("its series have another shape than those of \(specification.path)")
      }
      shape = found
      return try SampleSource(ts: series, classNames: names ?? [], gaps: specification.gaps)
    }
    let hasValues = sources.main.values != nil
    let dimensions = numbered(sources.main.scaledInputs ?? sources.main.inputs.columns)
    try self.init(
      specification, sources, scaler,
      featureNames: dimensions + (specification.gaps == .mask ? dimensions.map { "\($0)_observed" } : []),
      targetNames: numbered(hasValues ? 1 : 0), classNames: hasValues ? [] : names ?? [], files: files)
  }
}

func numbered(_ count: Int) -> [String] { (0..<count).map(String.init) }

extension SampleSource {
  /// The sizes that all parts have in common.
  fileprivate var shapeNumbers: [Int] { [layout.steps, inputs.columns, values?.columns ?? 0] }

  /// One file of samples and one of labels.
  /// - classCount: set from the labels where nil.
  /// - files: what is opened is added.
  fileprivate init(
    npy path: String, _ labelsPath: String?, _ part: SampleSources.FileRole, _ data: DataSpecification,
    _ classCount: inout Int?, _ files: inout [InputFile], _ group: LoadingGroup?
  ) throws(Failure) {
    let file = try NPYFile.open(path, key: part.pathKey, data, group)
    files.append(file)
    if labelsPath == nil, data.areTargetsOptional {
      try self.init(npy: file, unknown: classCount == nil ? data.targetWidth : nil)
    } else {
      let labels = try NPYFile.open(labelsPath ?? "", key: part.labelsKey, data, group)
      files.append(labels)
      try self.init(npy: file, labels: labels, &classCount)
    }
    block = data.shuffleBlock
    // What is held, was packed or came through a pipe can't stay where it is.
    if file.isRepeatable { shards = try ShardTable([path], key: part.pathKey) }
  }

  /// `[N, T, F]`, or `[N, F]` as one time step, with labels: integers are classes, floats are values `[N]` or `[N, width]`.
  /// - classCount: set from the labels where nil.
  init(npy file: InputFile, labels labelFile: InputFile, _ classCount: inout Int?) throws(Failure) {
    try self.init(npy: file)
    let labels = try NPYFile(labelFile)
    guard let count = labels.shape.first, labels.shape.count <= 2, labels.shape.last! > 0, count == samples
    else {
      throw labelFile.failure(
        "has the shape \(labels.shape); needed is one row for each of the \(samples) samples")
    }
    if labels.element.isInteger {
      classes = try labels.classes(&classCount)
    } else {
      values = NPYTable(labels, columns: labels.shape.count == 2 ? labels.shape[1] : 1)
    }
  }

  /// The same without labels.
  /// - width: of the values that nobody knows; nil for classes.
  init(npy file: InputFile, unknown width: Int?) throws(Failure) {
    try self.init(npy: file)
    if let width {
      values = UnknownTable(rows: samples, columns: width, path: path)
    } else {
      classes = [Int32](repeating: -1, count: samples)
    }
  }

  private init(npy file: InputFile) throws(Failure) {
    let array = try NPYFile(file)
    let shape = array.shape
    guard shape.count == 2 || shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw file.failure("has the shape \(shape); needed are samples, steps, features, or samples, features")
    }
    self.init(
      path: file.path, inputs: NPYTable(array, columns: shape.last!), values: nil, classes: [],
      layout: .separate(steps: shape.count == 3 ? shape[1] : 1), samples: shape[0],
      isDivided: file.isDivided)
  }

  init(ts series: TSFile, classNames: [String], gaps: DataSpecification.GapPolicy) throws(Failure) {
    path = series.file.path
    let own = TSInputs(series: series, mayBeUnknown: gaps.fillsMeans)
    inputs = gaps == .mask ? JoinedTable([own, ObservedTable(base: own)], rows: own.rows) : own
    scaledInputs = gaps == .mask ? own.columns : nil
    layout = .separate(starts: series.starts)
    samples = series.samples
    values = series.hasTargetValues ? TSTargets(series: series) : nil
    classes = try series.classes(in: classNames)
  }
}

extension NPYFile {
  /// Holds the header; the numbers of a large file are read where they are needed.
  static func open(
    _ path: String, key: String, _ specification: DataSpecification, _ group: LoadingGroup?
  ) throws(Failure) -> InputFile {
    if let found = try NPZPath(path)?.open(specification, key: key) { return found }
    return try InputFile.open(specification, path, key: key, group, head: 1 << 20)
  }

  /// More classes than any network here could tell apart: a label above is taken for a mistake.
  static let largestClass = 1 << 20
  /// So many classes are never too many; beyond them, so many for each label.
  fileprivate static let (fewClasses, mostPerLabel) = (4096, 64)

  /// Labels `[N]` or `[N, 1]` as classes from 0.
  func classes(_ classCount: inout Int?) throws(Failure) -> [Int32] {
    guard shape.count == 1 || shape[1] == 1 else {
      throw file.failure("has the shape \(shape): integer labels are classes, one for each sample")
    }
    return try NPYTable(self, columns: 1).classes(&classCount)
  }
}

extension NumberTable {
  /// The numbers of one column as classes from 0.
  /// - classCount: set from them where nil.
  func classes(_ classCount: inout Int?) throws(Failure) -> [Int32] {
    let bound = classCount ?? NPYFile.largestClass
    var classes: [Int32] = []
    classes.reserveCapacity(rows)
    try forEachBlock(0..<rows) { (block, numbers) throws(Failure) in
      for row in 0..<block.count {
        let number = numbers[row]
        guard number >= 0, number < Double(bound) else {
          if let failure { throw failure }
          let label = Int(exactly: number).map(String.init) ?? "\(number)"
          throw .badData(
            "\(location(row: block.lowerBound + row, column: 0)): class label \(label) is out of range; classes go from 0 to \(bound - 1)"
          )
        }
        classes.append(Int32(number))
      }
    }
    if let failure { throw failure }
    if classCount == nil { classCount = try number(of: classes) }
    return classes
  }

  /// As many as the largest label says.
  /// - Throws: where they are so many more than labels that the largest is no number of a class: an identifier, or a mistake.
  private func number(of classes: [Int32]) throws(Failure) -> Int {
    guard let largest = classes.indices.max(by: { classes[$0] < classes[$1] }) else { return 0 }
    let count = Int(classes[largest]) + 1
    guard count > max(NPYFile.fewClasses, NPYFile.mostPerLabel * classes.count) else { return count }
    throw .badData(
      "\(location(row: largest, column: 0)): class label \(count - 1) makes \(count) classes of \(classes.count) labels; number the classes from 0 on"
    )
  }
}

private struct TSInputs: NumberTable {
  let series: TSFile
  /// Whether gaps are left until the means of training are known.
  let mayBeUnknown: Bool
  var rows: Int { series.starts.last! }
  var columns: Int { series.dimensions }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    let first = rows.lowerBound * columns
    for i in 0..<rows.count * columns { block[i] = series.values[first + i] }
  }
  func location(row: Int, column: Int) -> String { series.location(row: row, column: column) }
}

private struct TSTargets: NumberTable {
  let series: TSFile
  var rows: Int { series.samples }
  var columns: Int { 1 }
  var mayBeUnknown: Bool { series.mayBeUnknown }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    for row in rows { block[row - rows.lowerBound] = series.targets[row] }
  }
  func location(row: Int, column: Int) -> String {
    "\(series.file.location(line: series.lines[row])), target"
  }
}

extension TSFile {
  /// The classes as numbers into the given names, which may be another file's or a checkpoint's.
  func classes(in names: [String]) throws(Failure) -> [Int32] {
    let numbers = Name.numbers(names)
    let map = header.classNames.map { numbers[Name($0)] ?? -1 }
    let mapped = classes.map { $0 < 0 ? $0 : map[Int($0)] }
    if let sample = mapped.indices.first(where: { mapped[$0] < 0 && classes[$0] >= 0 }) {
      let name = quoted(header.classNames[Int(classes[sample])])
      throw .badData(
        "\(file.location(line: lines[sample])): class label \(name) is not among the \(names.count) known")
    }
    return mapped
  }
}
