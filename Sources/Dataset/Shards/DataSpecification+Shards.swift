import Diagnostics
import Files

/// The files that hold the inputs of a part of the data, and those with what belongs to them.
struct ShardPaths {
  var inputs: [String]
  /// Empty where nobody knows them.
  var labels: [String]
}

extension DataSpecification {
  /// npy: the files of a part that has several, in their order; nil for one whose arrays are a file each.
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
    if inputFiles == nil, labelFiles == nil { return nil }
    return ShardPaths(inputs: inputFiles ?? [path], labels: labelFiles ?? labels.map { [$0] } ?? [])
  }

  /// The files that a folder or a pattern stands for, in the order of their names; nil for the path of a file.
  private func shards(_ path: String, _ key: String) throws(Failure) -> [String]? {
    if Paths.isFolder(path) {
      let found = Paths.files(in: path).filter { Paths.ending(of: $0).hasSameBytes(as: "npy") }
      guard !found.isEmpty else {
        throw .missingInput("\(path): there is no .npy file in this folder; check \(key)")
      }
      return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    guard Paths.isPattern(path), !Paths.isThere(path), !NPYFile.isOfArchive(path) else { return nil }
    return try files([path], named: key)
  }
}
