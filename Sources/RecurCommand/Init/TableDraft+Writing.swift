import Dataset
import Recur

extension TableDraft {
  func write(_ draft: inout RecipeDraft) throws {
    let shape = windows
    try requireRows(shape.window, shape.horizon)
    for guess in guesses { draft.guess(guess) }
    for column in unread { draft.guess("\(quoted(column.name)) is not read: it \(column.why)") }
    if let time, let other = time.otherPattern {
      draft.guess(
        "times are read as \(time.pattern ?? "ISO 8601"); \(other) would fit as well (data.time_format)")
    }
    draft.section("data")
    writeFile(&draft)
    if let text {
      writeText(text, &draft)
      return
    }
    writeColumns(&draft)
    if isSeries {
      draft.add("window", "\(shape.window)", "rows that the network sees")
      let ahead = shape.horizon == 1 ? "1" : "[1, \(shape.horizon)]"
      draft.add(
        "horizon", ahead, shape.horizon == 1 ? "the next row" : "each of the next \(shape.horizon) rows")
      if label == nil {
        draft.add("relative", "true", "learned as changes since the window's last row, written as values")
      }
    }
    command.writeSplit(
      shape.samples, unit: time != nil && !(series + wide).isEmpty ? "by: time, " : "",
      classes: isSeries ? nil : label?.codes, &draft)
    command.writeModel(steps: isSeries ? 2 : 1, isOfClasses: label != nil, &draft)
    command.writeTraining(loss, samples: shape.samples, &draft)
  }

  /// Of a series it is worth knowing how sure a forecast is.
  private var loss: String {
    if label != nil { return "cross_entropy" }
    return isSeries ? "{name: quantile, levels: [0.1, 0.5, 0.9]}" : "mse"
  }

  private func writeFile(_ draft: inout RecipeDraft) {
    draft.add("format", "csv")
    draft.add("path", RecipeDraft.text(path), "\(Formatting.grouped(probe.rows)) rows")
    // text: marks of the format.
    if probe.delimiter != "," {
      draft.add("delimiter", JSONObject.quoted(probe.delimiter).escapedInJSON)
      draft.guess("columns are set apart by \(quoted(probe.delimiter))")
    }
    if !probe.hasHeader {
      draft.add("header", "false", "columns are called 0, 1, …")
      draft.guess("no header: the first line is a row")
    }
    // text: as above.
    if probe.decimal != "." {
      draft.add("decimal", JSONObject.quoted(probe.decimal))
      draft.guess("fractions stand after \(quoted(probe.decimal))")
    }
    if let thousands = probe.thousands {
      draft.add("thousands", JSONObject.quoted(thousands))
      draft.guess("digits are grouped by \(quoted(thousands))")
    } else if let number = probe.groupedElsewhere {
      draft.guess(
        "\(quoted(number)) is read as a number with a fraction; it would fit as thousands as well (data.decimal, data.thousands)"
      )
    }
  }

  private var read: [ProbedColumn] { wide + features + targets }

  private func writeColumns(_ draft: inout RecipeDraft) {
    if !series.isEmpty {
      draft.add(
        "series", RecipeDraft.list(series.map(\.name)), "\(runs.count) series; no window reaches across two")
    }
    if let time {
      draft.add("time", RecipeDraft.text(time.name), step)
      if let pattern = time.pattern { draft.add("time_format", JSONObject.quoted(pattern)) }
    }
    if wide.isEmpty {
      draft.add("features", RecipeDraft.list(features.map(\.name)), "numbers that are read")
    } else {
      draft.add("wide", RecipeDraft.list(wide.map(\.name)), "columns that are a series each")
    }
    if !categories.isEmpty {
      draft.add(
        "categorical", RecipeDraft.list(categories.map(\.name)), "texts that are read as learned vectors")
    }
    if !calendar.isEmpty {
      draft.add("calendar", "[\(calendar.joined(separator: ", "))]", "of the time, as sine and cosine")
    }
    if let label {
      draft.add("label", RecipeDraft.text(label.name), "\(label.distinct) classes")
      if let group = likelyGroup {
        draft.remark(
          "All rows of one \(quoted(group.name)) have the same \(quoted(label.name)). Where they are one sequence: data.group names the column, "
            + "and the model has a cell.")
      }
    } else if wide.isEmpty {
      draft.add("targets", RecipeDraft.list(targets.map(\.name)), "numbers to predict")
    }
    writeGaps(&draft)
    draft.add("scale", "standard", "mean 0, deviation 1 over the training part")
    if !series.isEmpty || !wide.isEmpty { draft.add("scale_per", "series") }
  }

  private func writeGaps(_ draft: inout RecipeDraft) {
    let words = Set(read.flatMap(\.words).map { Name($0) }).sorted().map(\.text)
    if !words.isEmpty {
      // What the recipe names is all that counts, so that what is a gap without it must be named too.
      var all = words
      for word in read.flatMap(\.gapWords) + ["NA", "NaN", "nan", "null", "None", "N/A", "?"]
      where !all.contains(where: { $0.hasSameBytes(as: word) }) { all.append(word) }
      draft.add("na", RecipeDraft.list(all), "what stands for a missing value")
      draft.guess(
        "\(words.map { quoted($0) }.joined(separator: ", ")) among numbers stands for a missing value")
    }
    let unknown = targets.reduce(0) { $0 + $1.missing + $1.rowsOfWords } + (label?.missing ?? 0)
    let inputs = (wide + features).filter { input in
      !targets.contains { $0.name.hasSameBytes(as: input.name) }
    }
    let gaps = inputs.reduce(0) { $0 + $1.missing + $1.rowsOfWords }
    if unknown > 0, !isSeries {
      draft.add("gaps", "drop", "rows in which something is missing are left out")
      draft.guess("\(unknown) rows do not say what is to be predicted; gaps: drop leaves them out")
    } else if gaps + unknown > 0 {
      draft.add("gaps", "mask", "the mean in place of what is missing, and beside it whether it was there")
      draft.guess("\(gaps + unknown) values are missing; gaps: mask tells the network which")
    }
  }

  private func writeText(_ text: ProbedColumn, _ draft: inout RecipeDraft) {
    draft.add("text", RecipeDraft.text(text.name), "a sample each")
    draft.add("tokens", "word", "or char, byte")
    draft.add("min_count", "2", "rarer words are one, <unk>")
    if let label {
      draft.add("label", RecipeDraft.text(label.name), "\(label.distinct) classes")
    } else {
      draft.add("targets", RecipeDraft.list(targets.map(\.name)))
      draft.add("scale", "standard")
    }
    let gaps = text.missing + (label?.missing ?? 0) + targets.reduce(0) { $0 + $1.missing }
    if gaps > 0 { draft.add("gaps", "drop", "\(gaps) fields are empty") }
    command.writeSplit(probe.rows - gaps, classes: label?.codes, &draft)
    draft.section("model")
    draft.add("embedding", "64", "numbers of each word's vector")
    draft.add("cell", "gru", "or lstm, rnn")
    draft.add("hidden_size", "64")
    draft.add("bidirectional", "true")
    draft.add("readout", "final_state")
    draft.add("head", "[{dropout: 0.3}, {linear: \(label == nil ? "targets" : "classes")}]")
    command.writeTraining(label == nil ? "mse" : "cross_entropy", samples: probe.rows - gaps, &draft)
  }
}

/// Time and windows.
extension TableDraft {
  private var runs: [[Int]] { probe.runs(series) }
  /// Seconds of the commonest step.
  private var seconds: Double? { time.flatMap { $0.isOfTimes ? probe.step($0, series: series) : nil } }
  private var timeStep: TimeStep? { time.flatMap { $0.isOfTimes ? probe.timeStep($0, series: series) : nil } }

  /// Months from a row to the next, where it is so many.
  private var months: Int? { if case .months(let count, _) = timeStep { count } else { nil } }

  /// The step of the time in words, as a forecast goes on by it.
  private var step: String? {
    guard let timeStep, let seconds else { return nil }
    switch timeStep {
    case .irregular: return "at irregular times"
    case .weekdays: return "a row every day, Monday to Friday"
    case .months(let months, _):
      let (count, word) =
        months % 12 == 0 ? (months / 12, "year") : months == 3 ? (1, "quarter") : (months, "month")
      return "a row every \(count == 1 ? word : "\(count) \(word)s")"
    case .fixed: return words(seconds)
    }
  }

  private func words(_ seconds: Double) -> String {
    let week = 7 * 86_400.0
    let sizes = [(86_400.0, "day"), (3600, "hour"), (60, "minute"), (1, "second")]
    let isOfWeeks = seconds.truncatingRemainder(dividingBy: week) == 0
    for (size, word) in (isOfWeeks ? [(week, "week")] : sizes) where seconds >= size {
      let count = seconds / size
      return "a row every \(count == 1 ? word : "\(Formatting.short(count)) \(word)s")"
    }
    return "a row every \(Formatting.short(seconds)) seconds"
  }

  /// What of the time may come again.
  private var calendar: [String] {
    // Nobody knows the next times of irregular ones, and a forecast would read them.
    guard let seconds, timeStep != .irregular else { return [] }
    switch seconds {
    case ..<3600: return ["minute", "hour", "weekday"]
    case ..<86_400: return ["hour", "weekday", "year_day"]
    case ..<(7 * 86_400): return ["weekday", "year_day"]
    case ..<(300 * 86_400): return ["month"]
    default: return []
    }
  }

  /// Rows until things come again, as far as the step says.
  private var season: Int {
    if let months, months < 12, 12 % months == 0 { return 12 / months }
    return switch seconds ?? 0 {
    case 1..<60: 60
    case 60..<3600: max(12, Int(3600 / (seconds ?? 3600)))
    case 3600..<86_400: Int(86_400 / (seconds ?? 86_400))
    case 86_400..<(7 * 86_400): 7
    case (7 * 86_400)..<(300 * 86_400): 12
    default: 8
    }
  }

  /// Refuses a table without a row to predict in the words of who has written no recipe.
  private func requireRows(_ window: Int, _ horizon: Int) throws {
    guard isSeries, let longest = runs.map(\.count).max(), longest < window + horizon else { return }
    func words(_ count: Int) -> String { "\(count) row\(count == 1 ? "" : "s")" }
    let owner =
      series.isEmpty ? longest == 1 ? "there is" : "there are" : "the longest of its \(runs.count) series has"
    throw Failure.badData(
      "\(path): \(owner) \(words(longest)), and the network sees \(words(window)) to predict the "
        + (horizon == 1 ? "one after them" : "\(horizon) after them")
        + ": \(window + horizon) are needed")
  }

  /// Rows of a window and of what is predicted, and how many windows there are.
  private var windows: (window: Int, horizon: Int, samples: Int) {
    guard isSeries else { return (1, 1, probe.rows) }
    let lengths = runs.map(\.count)
    let horizon = command.horizon ?? 1
    let room = max(1, (lengths.max() ?? 1) / 4)
    let window = command.window ?? min(max(2 * season, horizon), room)
    // A part for validation must hold all that is predicted of a sample.
    guard Double(lengths.max() ?? 0) * 0.15 > Double(horizon) else { return (window, horizon, 0) }
    let samples = lengths.reduce(0) { $0 + max(0, $1 - window - horizon + 1) }
    return (window, horizon, samples * max(1, wide.count))
  }
}
