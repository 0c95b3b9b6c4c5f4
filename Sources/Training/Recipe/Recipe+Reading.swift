import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// Reads a YAML file.
  /// - overrides: `key.path=value` with YAML values, applied in order before anything is checked.
  /// - Throws: a `Failure` that names file, line, column and key.
  public init(contentsOf path: String, overrides: [String] = []) throws {
    fatalError("not written yet")
  }

  /// Reads YAML text. `path` names it in messages; relative data paths start at `baseDirectory`.
  public init(yaml: String, path: String, baseDirectory: String, overrides: [String] = []) throws {
    fatalError("not written yet")
  }

  /// Every key with its value in a fixed order, data paths absolute; reads back as an equal recipe.
  public var effectiveYAML: String { fatalError("not written yet") }

  /// The network for data of this shape.
  /// - Throws: a `Failure` where the network, the loss and the data don't fit together.
  public func architecture(for shape: SampleShape) throws -> Architecture {
    fatalError("not written yet")
  }
}
