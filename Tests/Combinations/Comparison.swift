import Foundation
import Training

/// Finds where two results that must be equal are not.
public enum Comparison {
  /// What may differ between two runs of one recipe: times, places, and who computed it.
  private static let mayDiffer: Set = [
    "seconds", "samples_per_second", "step_milliseconds", "compute_seconds", "wait_seconds",
    "communication_seconds", "slowest_rank", "slowest_host", "hosts", "threads", "ranks", "device",
    "run_directory",
  ]
  /// Of a file only its name is compared.
  private static let paths: Set = ["checkpoint", "best_checkpoint"]
  /// Lines of a log that tell how fast something was.
  private static let timings: Set = ["reduction", "engine"]

  /// A report without what may differ.
  static func comparable(_ report: JSONValue, ignoring keys: Set<String> = []) -> JSONValue {
    switch report {
    case .object(let entries):
      var kept: [String: JSONValue] = [:]
      for (key, value) in entries where !mayDiffer.contains(key) && !keys.contains(key) {
        kept[key] = comparable(value, ignoring: keys)
        if paths.contains(key), case .string(let path) = value {
          kept[key] = .string(URL(fileURLWithPath: path).lastPathComponent)
        }
      }
      return .object(kept)
    case .array(let items): return .array(items.map { comparable($0, ignoring: keys) })
    default: return report
    }
  }

  /// The lines of a run's log that must be the same however it was computed.
  static func log(_ run: String) throws -> JSONValue {
    let text = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    let lines = try text.split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }
    return .array(
      lines.filter { line in
        guard case .string(let event)? = line["event"] else { return true }
        return !timings.contains(event)
      }.map { comparable($0) })
  }

  /// The first place where two values differ, with both; nil where they are equal.
  public static func difference(_ a: JSONValue, _ b: JSONValue, at path: String = "") -> String? {
    switch (a, b) {
    case (.object(let a), .object(let b)):
      for key in Set(a.keys).union(b.keys).sorted() {
        let place = path.isEmpty ? key : "\(path).\(key)"
        guard let a = a[key], let b = b[key] else { return "\(place) is in one of them only" }
        if let found = difference(a, b, at: place) { return found }
      }
      return nil
    case (.array(let a), .array(let b)):
      for (index, (a, b)) in zip(a, b).enumerated() {
        if let found = difference(a, b, at: "\(path)[\(index)]") { return found }
      }
      return a.count == b.count ? nil : "\(path) has \(a.count) and \(b.count) items"
    default: return a == b ? nil : "\(path): \(a.short) and \(b.short)"
    }
  }

  /// Places without a finite number.
  static func notFinite(_ value: JSONValue, at path: String) -> [String] {
    switch value {
    case .object(let entries):
      entries.sorted { $0.key < $1.key }.flatMap { notFinite($1, at: "\(path).\($0)") }
    case .array(let items): items.enumerated().flatMap { notFinite($1, at: "\(path)[\($0)]") }
    case .null: [path]
    case .string(let word): ["nan", "inf", "-inf"].contains(word) ? [path] : []
    default: []
    }
  }
}

extension JSONValue {
  subscript(key: String) -> JSONValue? {
    if case .object(let entries) = self { entries[key] } else { nil }
  }

  var double: Double? {
    switch self {
    case .number(let number): number
    case .integer(let number): Double(number)
    default: nil
    }
  }

  fileprivate var short: String { String("\(self)".prefix(100)) }
}
