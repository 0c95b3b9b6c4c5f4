import CVersion
import Diagnostics

/// Which version of the program this is: `recur --version`, and what checkpoints and exports say about who wrote them.
public enum ProgramVersion {
  /// A release's tag is this after a `v`.
  public static let number = "0.1.0"

  /// `recur 0.1.0 (tag v0.1.0, commit 0123456789ab, modified)`: what `launch/stamp` wrote, else the commit that the clone had when the
  /// program was linked there, else the number alone.
  public static let text: String = {
    let sources = stamp ?? Clone.ofThisProgram?.commit.map { "commit \($0)" }
    return "recur \(number)" + (sources.map { " (\($0))" } ?? "")
  }()

  /// What stands in the program's file; nil where nothing does. No more than a few words without control characters is believed.
  private static let stamp: String? = {
    let bytes = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CVERSION_SIZE)) { text in
      cversion_copy(text.baseAddress)
      return text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }
    guard !bytes.isEmpty, bytes.allSatisfy({ (32...126).contains($0) }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }()
}
