import Diagnostics
import Files

extension DataSpecification {
  /// The files whose rows follow one another.
  /// - Throws: a `Failure` where a pattern fits none.
  func mainFiles() throws(Failure) -> [String] {
    guard !paths.isEmpty else { return [path] }
    var files: [String] = []
    for path in paths {
      let found = Paths.isPattern(path) && !Paths.isThere(path) ? Paths.matching(path) : [path]
      if found.isEmpty { throw .missingInput("data.paths: no file fits \(quoted(path))") }
      files += found
    }
    return files
  }

  /// With what a wide table's columns are called where the recipe does not say it.
  var completed: DataSpecification {
    guard !wide.isEmpty else { return self }
    var data = self
    if data.targets.isEmpty { data.targets = [ColumnRoles.value] }
    if data.features.isEmpty { data.features = [ColumnRoles.value] }
    return data
  }
}
