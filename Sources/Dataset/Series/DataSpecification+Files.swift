import Diagnostics
import Files

extension DataSpecification {
  /// What names the files, for messages.
  var pathsName: String { pathName.hasSameBytes(as: "data.path") ? "data.paths" : pathName }

  /// The files whose rows follow one another.
  /// - Throws: a `Failure` where a pattern fits none, or a file is named twice, by whatever path: its rows would count twice.
  func mainFiles() throws(Failure) -> [String] {
    try paths.isEmpty ? [path] : files(paths, named: pathsName)
  }

  /// The files of these paths and patterns.
  /// - name: the key that has them.
  func files(_ paths: [String], named name: String) throws(Failure) -> [String] {
    var files: [String] = []
    for path in paths {
      let found = Paths.isPattern(path) && !Paths.isThere(path) ? Paths.matching(path) : [path]
      if found.isEmpty { throw .missingInput("\(name): no file fits \(quoted(path))") }
      files += found
    }
    // text: files are told apart by their numbers, not by their paths.
    var seen: [FileIdentity: String] = [:]
    for file in files {
      guard let identity = FileIdentity(file) else { continue }
      if let other = seen.updateValue(file, forKey: identity) {
        let what =
          other.hasSameBytes(as: file)
          ? "\(file) stands in it twice" : "\(other) and \(file) are the same file"
        throw .badData("\(name): \(what); name it once")
      }
    }
    return files
  }

  /// The same of another file, which `name` says in messages. Where several files are a series each, it is one too.
  package func reading(_ path: String, named name: String) -> DataSpecification {
    var data = self
    data.pathName = name
    if format == .csv, !paths.isEmpty { data.paths = [path] } else { (data.path, data.paths) = (path, []) }
    return data
  }

  /// What each column of a wide table is called, as a feature and as a target.
  package static let wideColumn = ColumnRoles.value

  /// With what a wide table's columns are called where the recipe does not say it.
  package var completed: DataSpecification {
    guard !wide.isEmpty else { return self }
    var data = self
    if data.targets.isEmpty { data.targets = [ColumnRoles.value] }
    if data.features.isEmpty { data.features = [ColumnRoles.value] }
    return data
  }
}
