import Foundation

/// A Python that has onnx and onnxruntime: `RECUR_TEST_ONNX` names it (`.ci/run` makes it).
public enum TestONNX {
  public static let missing = "needs Python with onnx and onnxruntime; name it in RECUR_TEST_ONNX"

  public static let python: String? = {
    guard let path = ProcessInfo.processInfo.environment["RECUR_TEST_ONNX"],
      FileManager.default.isExecutableFile(atPath: path)
    else { return nil }
    return path
  }()

  /// Fills a folder with ONNX's own vectors of its recurrent operators.
  public static func writeVectors(to folder: URL) throws -> Outcome {
    let script = package.appendingPathComponent("Tests/Reference/onnx_vectors.py").path
    return try run(python ?? "", [script, folder.path], limit: 120)
  }

  /// Runs what `onnx_check.py` says about a folder of cases, or of pairs `onnx_pairs.py`.
  public static func check(_ folder: URL, by name: String = "onnx_check.py") throws -> Outcome {
    let script = package.appendingPathComponent("Tests/Reference/\(name)").path
    return try run(python ?? "", [script, folder.path], limit: 300)
  }
}
