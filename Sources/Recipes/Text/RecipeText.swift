import Diagnostics
import Files

/// The text of a recipe, which is read once: it may come from a FIFO or from standard input.
package struct RecipeText: Sendable {
  package let path: String
  package let yaml: String
  /// What its relative paths start at.
  let folder: String

  /// A recipe is a page of text; what is far larger is something else.
  private static let sizeLimit = 1 << 20

  /// - allowsStream: whether a FIFO or `-` will do; not where several ranks would share it.
  package init(_ path: String, allowsStream: Bool = false) throws(Failure) {
    let file = try InputFile(path: path, key: "the recipe", allowsStream: allowsStream, limit: Self.sizeLimit)
    try self.init(file)
  }

  /// - file: read whole.
  package init(_ file: InputFile) throws(Failure) {
    guard let text = try file.text(), !text.utf8.contains(0) else {
      throw file.failure("not UTF-8 text; this is no recipe")
    }
    (path, yaml) = (file.path, text)
    folder = file.isRepeatable ? Paths.folder(of: Paths.absolute(file.path)) : Paths.current
  }
}
