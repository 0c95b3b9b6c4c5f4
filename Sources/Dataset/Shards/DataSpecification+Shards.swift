import Diagnostics
import Files

/// The files that hold the inputs of a part of the data, and those with what belongs to them.
struct ShardPaths {
  var inputs: [String]
  /// Empty where nobody knows them.
  var labels: [String]
}

extension DataSpecification {
  /// idx: whether images and labels are named file by file, as the arrays of npy are, and not by the folder with the four standard files.
  var namesImageFiles: Bool {
    guard format == .idx, content == nil else { return false }
    return labelsPath != nil || !labelsPaths.isEmpty || !paths.isEmpty
      || Paths.isPattern(path) && !Paths.isThere(path)
  }

  /// The files of a part that has several, in their order; nil for one of npy whose arrays are a file each.
  func shardPaths(_ path: String, _ labels: String?, _ part: SampleSources.FileRole) throws(Failure)
    -> ShardPaths?
  {
    if content != nil, path.hasSameBytes(as: self.path) { return nil }
    let isMain = part == .main
    let inputFiles = try isMain && !paths.isEmpty ? mainFiles() : shards(path, part.pathKey)
    let labelFiles =
      try isMain && !labelsPaths.isEmpty
      ? files(labelsPaths, named: "data.labels_paths")
      : labels.flatMap { (path) throws(Failure) in
        try shards(path, part.labelsKey)
      }
    if format == .npy, inputFiles == nil, labelFiles == nil { return nil }
    return ShardPaths(inputs: inputFiles ?? [path], labels: labelFiles ?? labels.map { [$0] } ?? [])
  }

  /// The files that a folder or a pattern stands for, in the order of their names; nil for the path of a file.
  private func shards(_ path: String, _ key: String) throws(Failure) -> [String]? {
    if Paths.isFolder(path) {
      let ending = format == .npy ? ".npy" : key.hasBytes(last: "labels_path") ? "idx1-ubyte" : "idx3-ubyte"
      guard let all = Paths.names(in: path) else {
        throw .inputOutput("\(path): the folder can't be read: \(systemError()); check \(key)")
      }
      // Whatever has such a name: what is no file would else be missing from the data, and nobody would know. Hidden files are other
      // programs' own.
      let found = all.filter { $0.hasBytes(last: ending) && $0.utf8.first != UInt8(ascii: ".") }
      guard !found.isEmpty else {
        throw .missingInput("\(path): there is no \(ending) file in this folder; check \(key)")
      }
      // text: what stands for bytes that are none.
      if let name = found.first(where: { $0.unicodeScalars.contains("\u{FFFD}") }) {
        throw .badData("\(path)/\(name): the name of this file is not UTF-8; rename it (\(key))")
      }
      let paths = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(path)/\($0)" }
      return try files(paths, named: key)
    }
    guard Paths.isPattern(path), !Paths.isThere(path), !NPYFile.isOfArchive(path) else { return nil }
    return try files([path], named: key)
  }
}
