import Diagnostics
import Foundation

enum RecipeFile {
  /// A recipe is a page of text; what is far larger is something else.
  private static let sizeLimit = 1 << 20

  static func read(_ path: String) throws -> String {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw Failure.missingInput("\(path): no such recipe, or it can't be opened")
    }
    defer { try? file.close() }
    let bytes: Data
    do {
      bytes = try file.read(upToCount: sizeLimit + 1) ?? Data()
    } catch {
      throw Failure.missingInput("\(path): can't be read as a recipe")
    }
    guard bytes.count <= sizeLimit else {
      throw Failure.badData("\(path): larger than 1 MiB; this is no recipe")
    }
    guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
      throw Failure.badData("\(path): not UTF-8 text; this is no recipe")
    }
    return text
  }
}
