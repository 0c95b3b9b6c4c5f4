import Files
import Recur

extension RecipeText {
  /// Text is a recipe; a checkpoint starts with the length of its header, whose upper bytes are zero. nil for a checkpoint and a run.
  init?(ifRecipe file: String) throws {
    if Paths.isFolder(file) { return nil }
    let start = try InputFile(path: file, key: "the recipe, checkpoint or run", allowsStream: true) {
      0..<min($0, 8)
    }
    guard start.isRepeatable else {
      try self.init(start)
      return
    }
    if start.withBytes({ $0.contains(0) }) { return nil }
    try self.init(file)
  }
}
