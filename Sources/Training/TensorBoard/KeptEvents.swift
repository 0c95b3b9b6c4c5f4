import Diagnostics
import Exchange

/// What stays of a run's events when it goes on from a step: numbers that its log has, each once, and pictures and histograms up to that
/// step. What the log has and the events have lost is added.
struct KeptEvents {
  /// Bytes of a whole file, in order.
  private(set) var pieces: [[UInt8]]
  /// The last step of each tag.
  private(set) var last: [Name: Int] = [:]

  private struct ScalarKey: Hashable {
    var tag: Name
    var step: Int
  }

  /// - files: what was written so far, the oldest first.
  init(_ files: [[UInt8]], upTo step: Int, metrics lines: [MetricsScalars]) {
    let now = EventFile.now
    pieces = [.version, .start].map { TensorBoardEvent(time: now, step: 0, $0).record }
    var wanted: [ScalarKey: Double] = [:]
    for line in lines {
      for scalar in line.scalars { wanted[ScalarKey(tag: scalar.tag, step: scalar.step)] = scalar.value }
    }
    var found: Set<ScalarKey> = []
    var kept: [(step: Int, record: [UInt8])] = []
    for bytes in files {
      for record in EventRecord.records(in: bytes) {
        guard let event = EventSummary(bytes[record.content]), let tag = event.tags.first.map({ Name($0) })
        else { continue }
        let key = ScalarKey(tag: tag, step: event.step)
        let isKept =
          event.isScalar
          ? wanted[key] != nil : event.step <= step && tag != Name(TensorBoardSetting.endTag)
        guard isKept, found.insert(key).inserted else { continue }
        kept.append((event.step, Array(bytes[record.whole])))
      }
    }
    for (key, value) in wanted where !found.contains(key) {
      found.insert(key)
      kept.append(
        (
          key.step,
          TensorBoardEvent(time: now, step: key.step, .value(tag: key.tag.text, .scalar(value))).record
        ))
    }
    // In the order of their steps; of one step in that of their writing.
    let order = kept.indices.sorted { (kept[$0].step, $0) < (kept[$1].step, $1) }
    pieces += order.map { kept[$0].record }
    for key in found { last[key.tag] = max(last[key.tag] ?? -1, key.step) }
  }
}
