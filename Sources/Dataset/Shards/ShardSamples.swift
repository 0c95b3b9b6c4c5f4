import Diagnostics
import Digests
import Files

extension SampleSource {
  /// Samples of several files, with labels in as many: integers are classes, floats are values.
  /// - classCount: set from the labels where nil.
  init(
    shards paths: ShardPaths, _ specification: DataSpecification, _ part: SampleSources.FileRole,
    _ classCount: inout Int?, _ group: LoadingGroup?
  ) throws(Failure) {
    let (name, labelsName) = specification.shardNames(part)
    let isIDX = specification.format == .idx
    let table = try ShardTable(paths.inputs, isIDX ? .images : .npy, key: name)
    guard table.shape.count == 1 || table.shape.count == 2 else {
      throw .badData(
        "\(paths.inputs[0]): has the shape \([table.samples[0]] + table.shape); needed are samples, steps, features, or samples, features"
      )
    }
    self.init(
      path: paths.inputs[0], inputs: table, values: nil, classes: [],
      layout: .separate(steps: table.shape.count == 2 ? table.shape[0] : 1),
      samples: table.samples.reduce(0, +))
    (shards, isSharded, block) = (table, true, specification.shuffleBlock)
    isDivided = group.map { table.files.size >= $0.sharedFrom } ?? false
    try group?.requireSame(table.files, name)
    guard paths.labels.isEmpty || paths.inputs.count == paths.labels.count else {
      throw .badData(
        "\(labelsName): there are \(paths.labels.count) files of labels for the \(paths.inputs.count) of samples; give one for each, in the same order"
      )
    }
    if paths.labels.isEmpty {
      try addUnknownTargets(specification, classCount)
    } else {
      try addTargets(ShardTable(paths.labels, isIDX ? .labels : .npy, key: labelsName), &classCount)
    }
  }

  private mutating func addTargets(_ labels: ShardTable, _ classCount: inout Int?) throws(Failure) {
    labelFiles = labels.files
    if let shards { try labels.require(rowsOf: shards) }
    if labels.element.isInteger {
      guard labels.columns == 1 else {
        throw .badData(
          "\(labels.files.paths[0]): has the shape \([labels.samples[0]] + labels.shape): integer labels are classes, one for each sample"
        )
      }
      classes = try labels.classes(&classCount)
    } else {
      values = labels
    }
  }

  private mutating func addUnknownTargets(_ data: DataSpecification, _ classCount: Int?) throws(Failure) {
    guard data.areTargetsOptional else { throw .badData("data.labels_path is missing") }
    if classCount == nil, data.format == .npy {
      values = UnknownTable(rows: samples, columns: data.targetWidth, path: path)
    } else {
      classes = [Int32](repeating: -1, count: samples)
    }
  }
}

extension DataSpecification {
  /// What names the files of samples and those of labels, for messages.
  fileprivate func shardNames(_ part: SampleSources.FileRole) -> (inputs: String, labels: String) {
    guard part == .main else { return (part.pathKey, part.labelsKey) }
    return (
      paths.isEmpty ? pathName : pathsName, labelsPaths.isEmpty ? part.labelsKey : "data.labels_paths"
    )
  }
}

extension ShardTable {
  /// Throws where these are not the labels of as many samples, file by file.
  fileprivate func require(rowsOf inputs: ShardTable) throws(Failure) {
    for (number, (own, other)) in zip(samples, inputs.samples).enumerated()
    where own != other || shape.count > 1 {
      throw .badData(
        "\(files.paths[number]): has the shape \([own] + shape); needed is one row for each of the \(other) samples of \(inputs.files.paths[number])"
      )
    }
  }
}

extension LoadingGroup {
  /// Throws on all processes where one finds other files than the first.
  fileprivate func requireSame(_ files: StoredFiles, _ name: String) throws(Failure) {
    let all = try everyone { () throws(Failure) in
      Array("\(files.paths.count) files of \(files.size) bytes".utf8)
    }
    guard let other = all.firstIndex(where: { $0 != all[0] }) else { return }
    throw .badData(
      "\(name): rank 0 finds \(String(decoding: all[0], as: UTF8.self)), rank \(other) \(String(decoding: all[other], as: UTF8.self)); give all ranks the same files"
    )
  }
}

extension DataSpecification {
  /// Bytes that inputs may take on this machine.
  var mostMemory: Int { memory ?? Memory.most / 2 }

  /// Whether so many bytes are more than that. The same on all processes, whose machines may differ.
  func exceedsMemory(_ size: Int, _ group: LoadingGroup?) throws(Failure) -> Bool {
    let exceeds = size > mostMemory
    guard let group else { return exceeds }
    return try group.everyone { () throws(Failure) in [exceeds ? 1 : 0] }.contains([1])
  }
}

extension SampleSources {
  /// Bytes that may be kept of inputs that stay in their files, because memory is not to hold all; nil where it holds them. The same
  /// decision on all processes.
  func memoryOfFiles(_ data: DataSpecification, _ group: LoadingGroup?) throws(Failure) -> Int? {
    guard all.contains(where: { $0.shards != nil }) else { return nil }
    let size = MemoryLayout<Float>.stride * all.reduce(0) { $0 + $1.inputs.rows * $1.inputs.columns }
    return try data.exceedsMemory(size, group) ? min(data.mostMemory, Memory.most / 2) : nil
  }
}

extension StoredFiles {
  /// What tells these files from others without reading them: of each its size, and the hash of its first and last 64 KiB.
  func digests(_ numbers: Range<Int>) throws(Failure) -> [UInt8] {
    let edge = 1 << 16
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: edge, alignment: 64)
    defer { memory.deallocate() }
    var digests: [UInt8] = []
    for number in numbers {
      let size = size(number)
      var writer = ByteWriter()
      writer.add(size)
      digests += writer.bytes
      for range in [0..<min(size, edge), max(0, size - edge)..<size] {
        try read(number, range, into: memory.baseAddress!)
        digests += SHA256.hash(UnsafeRawBufferPointer(rebasing: memory[..<range.count])).bytes
      }
    }
    return digests
  }
}
