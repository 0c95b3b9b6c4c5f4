import Diagnostics
import FoundationEssentials

extension CheckpointState {
  /// Reads the state's JSON text strictly, and checks what must hold of any state.
  init(parsing text: String?) throws(Failure) {
    guard let text else { throw .badData("it has no state: it is not a checkpoint of this program") }
    try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
      var reader = JSONReader(UnsafeRawBufferPointer(bytes))
      try reader.skip()
      try reader.end()
    }
    let data = Data(text.utf8)
    let format: FormatVersion
    do {
      format = try JSON.decoder().decode(FormatVersion.self, from: data)
      guard format.version == CheckpointState.currentFormat else {
        throw Failure.badData(
          "its format is \(format.version), this program reads \(CheckpointState.currentFormat)")
      }
      self = try JSON.decoder().decode(CheckpointState.self, from: data)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .badData("state: \(JSON.reason(error))")
    }
    try CheckpointState.check([
      "epoch": epoch, "step": step, "position": position, "metrics_bytes": metricsBytes,
      "optimizer.t": optimizer.t,
      "early_stopping.wait": earlyStopping.wait,
    ])
  }

  /// Throws where a count is negative, or so large that counting on from it could overflow.
  // text: keys of this program.
  package static func check(_ counts: [String: Int]) throws(Failure) {
    for (key, count) in counts.sorted(by: { $0.key < $1.key }) where !(0...1 << 53).contains(count) {
      throw .badData("state: \(key) is \(count)")
    }
  }

  private struct FormatVersion: Decodable {
    let version: Int
    enum CodingKeys: String, CodingKey { case version = "format_version" }
  }
}

extension JSON {
  package static func text(of state: CheckpointState) -> String {
    // Fails only for types that refuse to be encoded: an error of the program.
    String(decoding: try! encoder().encode(state), as: UTF8.self)
  }
}
