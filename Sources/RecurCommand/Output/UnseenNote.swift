import Recur

extension Console {
  /// So many values are shown of each column.
  private static let mostValues = 3

  /// Says which values of categorical columns training did not see.
  static func note(_ unseen: [UnseenCategories]) {
    for column in unseen {
      let count = column.values.count
      let shown = column.values.prefix(mostValues).map { quoted($0) }.joined(separator: ", ")
      let what = count == 1 ? "a value" : "\(Formatting.grouped(count)) values"
      note(
        "recur: column \(quoted(column.column)) has \(what) that training did not see, \(shown)\(count > mostValues ? ", …" : ""): "
          + "\(count == 1 ? "it is" : "they are") read as <unseen>")
    }
  }

  /// Says which series are too short for a window, and so have no prediction.
  static func note(shortSeries: [(name: String, missing: Int)]) {
    for (name, missing) in shortSeries {
      let rows = "\(missing) row\(missing == 1 ? "" : "s")"
      note("recur: series \(quoted(name)) has no prediction: its history is \(rows) too short")
    }
  }

  /// Says which series have no scale of their own.
  static func note(unseenSeries names: [String]) {
    for name in names {
      note("recur: series \(quoted(name)) was not in training: it takes the scale over all series")
    }
  }
}
