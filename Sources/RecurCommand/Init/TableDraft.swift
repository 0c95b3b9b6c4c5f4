import Dataset
import Files
import Recur

/// What a CSV file's columns are for, as far as that can be guessed.
struct TableDraft {
  typealias ProbedColumn = TableProbe.ProbedColumn

  let command: Init
  let path: String
  let probe: TableProbe
  /// Those that a recipe can name: each name once.
  let columns: [ProbedColumn]
  var time: ProbedColumn?
  var series: [ProbedColumn] = []
  private(set) var targets: [ProbedColumn] = []
  private(set) var label: ProbedColumn?
  private(set) var text: ProbedColumn?
  private(set) var features: [ProbedColumn] = []
  /// Columns that are a series each.
  private(set) var wide: [ProbedColumn] = []
  private(set) var categories: [ProbedColumn] = []
  /// Numbers, from 1, of columns that have no name: a recipe can't name them.
  private let unnamed: [Int]
  /// Why other columns are left out.
  private(set) var unread: [(name: String, why: String)] = []
  var guesses: [String] = []

  /// A text column with more values than this says what a row is called, not what it is like.
  private static let mostCategories = 50
  private static let likelyTargets = ["target", "label", "class", "y", "close", "value", "species", "output"]

  init(_ command: Init, _ path: String) throws {
    (self.command, self.path) = (command, path)
    probe = try TableProbe(InputFile(path: path, key: "FILE"), time: command.time)
    let names = Dictionary(grouping: probe.columns) { Name($0.name) }
    columns = probe.columns.filter { !$0.name.isEmpty && names[Name($0.name)]?.count == 1 }
    unnamed = probe.columns.enumerated().filter { $0.element.name.isEmpty }.map { $0.offset + 1 }
    guesses += unnamed.map { "column \($0) has no name in the header and is not read; give it one" }
    unread = names.filter { $0.value.count > 1 && !$0.key.text.isEmpty }.sorted { $0.key < $1.key }.map {
      ($0.key.text, "is what \($0.value.count) columns are called; rename them")
    }
    text = try command.text.map { try column($0, "--text") }
    time = try command.time.map { try column($0, "--time") }
    series = try command.series.map { try column($0, "--series") }
    label = try command.label.map { try column($0, "--label") }
    targets = try command.target.map { try column($0, "--target") }
    if let words = targets.first(where: { $0.kind != .numbers }) {
      guard targets.count == 1 else { throw failure("--target \(words.name) is no column of numbers") }
      (label, targets) = (words, [])
      guesses.append("\(quoted(words.name)) is no column of numbers: predicted as a class")
    }
    if text == nil { try findTime() }
    sayMarks()
    if command.wide {
      try chooseSeries()
      return
    }
    if targets.isEmpty, label == nil { try findTarget() }
    if let label { try requireOneHorizon(label) }
    guard text == nil else { return }
    chooseFeatures()
    sayOtherShapes()
    if features.isEmpty, categories.isEmpty { try chooseWhatIsLeft() }
  }

  /// A column whose rows stand together and have one class: where they are one sequence each, `data.group` tells them apart.
  var likelyGroup: ProbedColumn? {
    guard let label, label.missing == 0 else { return nil }
    func changes(_ column: ProbedColumn) -> [Int] {
      (1..<probe.rows).filter { column.codes[$0] != column.codes[$0 - 1] }
    }
    return columns.first { column in
      guard column.missing == 0, column.kind == .texts || column.isWhole, column.distinct > label.distinct,
        column.distinct * 3 <= probe.rows, !column.name.hasSameBytes(as: label.name)
      else { return false }
      let own = Set(changes(column))
      return own.count == column.distinct - 1 && own.isSuperset(of: changes(label))
    }
  }

  /// Columns that are no numbers for a mark beside each.
  private mutating func sayMarks() {
    for column in columns where text?.name.hasSameBytes(as: column.name) != true {
      guard let mark = column.mark else { continue }
      guesses.append(
        "\(quoted(column.name)) is text by \(quoted(mark.mark)) in \(quoted(mark.text)) (line \(mark.line)): without such marks it is read as numbers"
      )
    }
  }

  /// Tables that may hold their series in another way than they were taken to.
  private mutating func sayOtherShapes() {
    let titles = probe.titlesOfTimes
    if titles.count > 2 {
      guesses.append(
        "\(titles.count) columns are called by times, such as \(quoted(titles[0])): where each row is a series, turn the table, so that a row is a time"
      )
    }
    guard isSeries, series.isEmpty, label == nil else { return }
    let names = columns.filter { $0.kind == .numbers && time?.name.hasSameBytes(as: $0.name) != true }.map(
      \.name)
    func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    let alike = Set(names.map { $0.utf8.filter { !isDigit($0) } })
    if names.count > 2, alike.count == 1, names.allSatisfy({ $0.utf8.contains(where: isDigit) }) {
      guesses.append(
        "\(quoted(names[0])) to \(quoted(names[names.count - 1])) are called alike: where each of them is a series of its own, give --wide"
      )
    }
  }

  private mutating func chooseSeries() throws {
    for column in columns where !isTaken(column) {
      if column.kind == .numbers {
        wide.append(column)
      } else {
        unread.append((column.name, column.holesInTimes ?? "has no numbers"))
      }
    }
    if wide.isEmpty { throw nothingLeft("no column of numbers is left (--wide)") }
  }

  /// Where no column is one that a network would read as it is: texts, else numbers that count the rows.
  private mutating func chooseWhatIsLeft() throws {
    let free = columns.filter { !isTaken($0) }
    if !isSeries, let found = free.first(where: { $0.kind == .texts && $0.distinct > 1 && !$0.isOfCodes }) {
      text = found
      guesses.append("text: \(quoted(found.name)), read word by word")
    } else {
      features = free.filter { $0.kind == .numbers }
    }
    let names = features + [text].compactMap(\.self)
    guard !names.isEmpty else {
      throw nothingLeft(
        "no column is left to learn from",
        isSeries ? nil : "where rows are steps of time, --horizon 1 predicts a row from those before it")
    }
    unread.removeAll { left in names.contains { $0.name.hasSameBytes(as: left.name) } }
  }

  var isSeries: Bool {
    command.wide || time != nil || !series.isEmpty || command.window != nil || command.horizon != nil
  }

  private func failure(_ what: String) -> Failure { .usage("\(path): \(what)") }
  /// The command is right, and the file has nothing for it.
  private func nothingLeft(_ what: String, _ advice: String? = nil) -> Failure {
    let marks = columns.compactMap { column in
      column.mark.map { "\(quoted(column.name)) is text by \(quoted($0.mark)) in line \($0.line)" }
    }
    let reasons =
      unnamed.map { "column \($0) has no name in line 1" } + marks
      + unread.map { "\(quoted($0.name)) \($0.why)" }
    let why = reasons.first.map { " (\($0))" } ?? ""
    return .badData("\(path): \(what)\(why)" + (advice.map { "; \($0)" } ?? ""))
  }

  /// A class has no several horizons; says why there is one.
  private func requireOneHorizon(_ label: ProbedColumn) throws {
    guard let horizon = command.horizon, horizon > 1 else { return }
    let texts = label.strangers.map { quoted($0) }.joined(separator: ", ")
    let found =
      label.strangers.isEmpty
      ? ""
      : ": \(label.rowsOfStrangers) of \(probe.rows) rows have a text there, such as \(texts)"
        + (label.mark.map { ", by \(quoted($0.mark)) in line \($0.line)" } ?? "")
    let why =
      command.label != nil
      ? "--label \(label.name) is a class to predict"
      : "\(quoted(label.name)) was taken for a class to predict, for it is no column of numbers\(found)"
    let other =
      command.label != nil
      ? "leave --label away" : "name a column of numbers (--target), or make this one numbers"
    let message =
      "\(path): --horizon \(horizon) predicts numbers at several steps, and \(why); give --horizon 1, or \(other)"
    throw command.label != nil ? Failure.usage(message) : .badData(message)
  }

  private func column(_ name: String, _ option: String) throws -> ProbedColumn {
    let places = probe.columns.indices.filter { probe.columns[$0].name.hasSameBytes(as: name) }
    if places.count > 1 {
      let numbers = places.map { "\($0 + 1)" }.joined(separator: " and ")
      throw Failure.badData(
        "\(path), line 1: columns \(numbers) are both called \(quoted(name)) (\(option)); rename one")
    }
    if let place = places.first {
      let column = probe.columns[place]
      if column.kind == .nothing {
        throw Failure.badData("\(path): column \(quoted(name)) (\(option)) has no value in any row")
      }
      return column
    }
    let names = columns.map(\.name)
    let near = nearestName(to: name, among: names).map { "did you mean \(quoted($0))?" }
    let all = "the columns are \(names.prefix(20).map { quoted($0) }.joined(separator: ", "))"
    throw failure("there is no column \(quoted(name)) (\(option)); \(near ?? all)")
  }

  func isTaken(_ column: ProbedColumn) -> Bool {
    (series + targets + [time, label, text].compactMap(\.self)).contains {
      $0.name.hasSameBytes(as: column.name)
    }
  }

  private mutating func findTarget() throws {
    let free = columns.filter {
      !isTaken($0) && !$0.hasHolesInTimes && !$0.isOfTimes && $0.kind != .nothing && !$0.isRowNumber
    }
    let likely = free.first { column in
      // text: what people call such columns, in letters of either case.
      Self.likelyTargets.contains { $0.hasSameBytes(as: column.name.lowercased()) }
    }
    // A text that hardly ever comes again is no class, nor is a number with a mark beside it.
    let usable = free.last { $0.kind == .numbers || $0.mark == nil && $0.distinct * 2 <= probe.rows }
    guard let found = likely ?? usable ?? free.last else {
      throw nothingLeft("no column is left to predict; name it: --target or --label")
    }
    if found.kind == .numbers, text == nil || found.distinct > 20 || !found.isWhole {
      targets = [found]
      guesses.append("target: \(quoted(found.name)); --target or --label names another")
    } else {
      label = found
      guesses.append(
        "class: \(quoted(found.name)), \(found.distinct) of them; --target or --label names another")
    }
  }

  private mutating func chooseFeatures() {
    for column in columns {
      // What a series was like before says what it will be like.
      let isTarget = targets.contains { $0.name.hasSameBytes(as: column.name) }
      if isTarget ? !isSeries : isTaken(column) { continue }
      switch column.kind {
      case .nothing: unread.append((column.name, "is empty"))
      case .times: unread.append((column.name, "has times"))
      case .numbers where column.isRowNumber && !isTarget: unread.append((column.name, "counts the rows"))
      case .numbers where column.distinct < 2 && !isTarget: unread.append((column.name, column.sameness))
      case .numbers: features.append(column)
      case .texts where column.hasHolesInTimes: unread.append((column.name, column.holesInTimes ?? ""))
      case .texts where column.distinct > Self.mostCategories || column.distinct * 2 > probe.rows:
        unread.append((column.name, "has \(column.distinct) different texts"))
      case .texts where column.distinct < 2: unread.append((column.name, column.sameness))
      case .texts: categories.append(column)
      }
    }
    categories += series.filter { column in column.distinct > 1 && column.distinct <= Self.mostCategories }
  }
}

extension TableProbe.ProbedColumn {
  var isOfTimes: Bool { if case .times = kind { true } else { false } }
  /// Why a column of one value is not read.
  var sameness: String {
    missing == 0 ? "never changes" : "has one value only, and none in \(missing) rows"
  }
  /// Why a column of dates is not the time; nil for other columns.
  var holesInTimes: String? {
    hasHolesInTimes
      ? "has dates, but none in \(missing) row\(missing == 1 ? "" : "s"): fill them in or remove the rows, and it is the time"
      : nil
  }
  var pattern: String? { if case .times(let pattern) = kind { pattern } else { nil } }
}
