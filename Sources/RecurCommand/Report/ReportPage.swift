import Diagnostics
import Recur

/// The page of `recur report`: everything in one file, nothing fetched, no script.
struct ReportPage {
  /// Bytes that a page may have. What of the runs would be more is left out, and that is said.
  static let limit = 1_000_000
  /// Points of all curves over epochs together.
  private static let mostPoints = 16_000
  /// Of the comparison, and of the curves: the best ones.
  private static let (mostRows, mostCurves) = (200, 24)

  private(set) var runs: [RunFindings]
  private let names: [String]
  /// Runs whose own part had no room.
  private(set) var leftOut: [String] = []
  /// By run: what the page can't say of it, and why.
  private(set) var missing: [[String]]

  init(_ runs: [RunFindings]) {
    self.runs = runs
    missing = runs.map(\.missing)
    names = RunCurves.names(runs.map(\.summary.path))
  }

  /// - made: where and when, for the reader.
  mutating func html(made: String) -> String {
    var body = overview
    let ending = [closing(made)]
    var items: [Markup] = []
    for number in runs.indices {
      // The head of a page, its list and its end are a few thousand bytes.
      if number > 0, body.count > Self.limit / 2 {
        leftOut.append(names[number])
        continue
      }
      // One after the other, so that the data of one run are in memory at a time.
      runs[number].measure()
      body += section(number, room: Self.limit - body.count - 40_000)
      items.append(Self.item("run-\(number)", names[number]))
      missing[number] = runs[number].missing
      runs[number].forget()
    }
    if !leftOut.isEmpty {
      body += .remark(
        "To keep the page small, only the comparison and the curves, at most, have \(leftOut.prefix(20).joined(separator: ", "))\(leftOut.count > 20 ? " and \(leftOut.count - 20) others" : ""); a report of its own shows the rest."
      )
    }
    return page(body, items, ending)
  }

  private var title: String {
    runs.count == 1 ? "\(runs[0].name): report of a run" : "Report of \(runs.count) runs"
  }

  private static func item(_ id: String, _ name: String) -> Markup {
    Markup("li") { Markup("a", ["href": "#\(id)"]) { name } }
  }

  private func page(_ body: Markup, _ items: [Markup], _ ending: [Markup]) -> String {
    let head = Markup("head") {
      Markup(leaf: "meta", ["charset": "utf-8"])
      Markup(leaf: "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
      Markup(leaf: "meta", ["name": "color-scheme", "content": "light dark"])
      // Nothing is fetched and nothing runs, whatever data would say.
      Markup(
        leaf: "meta",
        [
          "http-equiv": "Content-Security-Policy",
          "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        ])
      Markup(leaf: "link", ["rel": "icon", "href": "data:,"])
      Markup("title") { title }
      Markup.style
    }
    let html = Markup("html", ["lang": "en"]) {
      head
      Markup("body") {
        Markup("a", ["class": "skip", "href": "#main"]) { "To the content" }
        Markup("header") {
          Markup("h1") { title }
          Markup("nav", ["aria-label": "On this page"]) {
            Markup("ul") {
              runs.count > 1 ? Self.item("comparison", "Comparison") : nil
              Self.item("curves", "Curves")
              items
            }
          }
        }
        Markup("main", ["id": "main"]) { body }
        Markup("footer") { ending }
      }
    }
    return "<!DOCTYPE html>\n\(html.source)\n"
  }

  private func closing(_ made: String) -> Markup { Markup("p", ["class": "faint"]) { made } }
}

extension ReportPage {
  /// What all runs have in common: the comparison, and their curves.
  private var overview: Markup {
    let comparison = RunComparison(runs.map(\.summary))
    let curves = self.curves(comparison)
    return MarkupBuilder.buildBlock(
      runs.count > 1 ? compared(comparison) : Markup(),
      Markup("section", ["id": "curves"]) {
        Markup("h2") { "Curves" }
        curves.panels.isEmpty ? .remark("No epoch has ended yet: there is nothing to draw.") : nil
        curves.left > 0
          ? .remark("The curves of \(Self.mostCurves) runs, the best ones; \(curves.left) are left out.")
          : nil
        Self.figures(curves.panels, "curve", detail: curves.detail)
      })
  }

  private func compared(_ comparison: RunComparison) -> Markup {
    let table = ComparisonTable(comparison).table
    var rows = min(table.rows.count, Self.mostRows)
    var shown = Markup()
    repeat {
      shown = Markup.table(
        "The runs, the best by \(comparison.metric) first: keys that differ, and what was measured",
        TextTable(header: table.header, rows: Array(table.rows.prefix(rows))))
      rows = shown.count > Self.limit / 5 ? rows / 2 : rows
    } while shown.count > Self.limit / 5 && rows > 0
    let left = table.rows.count - rows
    return Markup("section", ["id": "comparison"]) {
      Markup("h2") { "Comparison" }
      shown
      left > 0 ? .remark("… and \(left) more; recur compare --csv has all.") : nil
    }
  }

  /// Of the best runs, in the order in which they were named.
  private func curves(_ comparison: RunComparison) -> (panels: [Panel], detail: Int, left: Int) {
    let begun = runs.indices.filter { runs[$0].log?.epochs.isEmpty == false }
    let best = Set(
      comparison.runs.map { Name($0.path) }.filter { path in
        begun.contains { Name(runs[$0].summary.path) == path }
      }.prefix(Self.mostCurves))
    let shown = begun.filter { best.contains(Name(runs[$0].summary.path)) }
    let read = shown.compactMap { number in
      runs[number].log.map {
        RunCurves.Run(name: names[number], log: $0, loss: runs[number].summary.recipe?.loss.name)
      }
    }
    let panels = read.isEmpty ? [] : RunCurves(read).panels
    let points = Self.mostPoints / max(1, 2 * panels.count * read.count)
    return (panels, max(10, points), begun.count - read.count)
  }

  /// - titles: of the panels; nil for what their y axes say.
  static func figures(_ panels: [Panel], _ id: String, titles: [String]? = nil, detail: Int = 300) -> Markup {
    guard !panels.isEmpty else { return Markup() }
    return Markup("div", ["class": "figures"]) {
      panels.enumerated().map { number, panel in
        PanelPicture(
          panel: panel, id: "\(id)-\(number)", title: titles?[number] ?? panel.yLabel,
          detail: min(detail, 300)
        ).markup
      }
    }
  }

  private func section(_ number: Int, room: Int) -> Markup {
    let section = RunSection(runs[number], name: names[number], id: "run-\(number)")
    for detail in [300, 100, 30] {
      let markup = section.markup(detail: detail)
      if markup.count <= room || detail == 30 { return markup }
    }
    return Markup()
  }
}
