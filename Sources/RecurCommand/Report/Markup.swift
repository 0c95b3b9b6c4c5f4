import Diagnostics

/// A piece of a page, well-formed as HTML and as XML. Names of elements and attributes are this program's own; all else is text for
/// whoever reads it, which can't end an element, an attribute or a comment, and none of which a browser obeys.
struct Markup {
  private(set) var source: String

  init() { source = "" }
  private init(source: String) { self.source = source }

  /// Text on one line, as `String.shown` has it.
  init(_ text: some StringProtocol) { source = Self.escaped(text.shown) }

  /// Text whose lines and tabs stay.
  init(lines text: some StringProtocol) { source = Self.escaped(text.shownLines) }

  /// - element: one that has no content: `meta` in HTML, any in SVG.
  init(leaf element: StaticString, _ attributes: KeyValuePairs<StaticString, String>) {
    source = "<\(element)\(Self.written(attributes))/>"
  }

  init(
    _ element: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
    @MarkupBuilder _ content: () throws -> Markup
  ) rethrows {
    source = "<\(element)\(Self.written(attributes))>" + (try content().source) + "</\(element)>"
  }

  /// Words of this program that are neither text nor elements: the head of a page, its style.
  init(own source: StaticString) { self.source = "\(source)" }

  /// In bytes.
  var count: Int { source.utf8.count }

  static func += (a: inout Markup, b: Markup) { a.source += b.source }

  private static func written(_ attributes: KeyValuePairs<StaticString, String>) -> String {
    attributes.map { " \($0)=\"\(escaped($1.shown))\"" }.joined()
  }

  private static func escaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out.append(contentsOf: "&amp;".unicodeScalars)
      case "<": out.append(contentsOf: "&lt;".unicodeScalars)
      case ">": out.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": out.append(contentsOf: "&quot;".unicodeScalars)
      case "'": out.append(contentsOf: "&#39;".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }
}

/// Strings between the elements are text.
@resultBuilder enum MarkupBuilder {
  static func buildExpression(_ text: String) -> Markup { Markup(text) }
  static func buildExpression(_ piece: Markup) -> Markup { piece }
  static func buildExpression(_ piece: Markup?) -> Markup { piece ?? Markup() }
  static func buildExpression(_ pieces: [Markup]) -> Markup { buildArray(pieces) }
  static func buildBlock(_ pieces: Markup...) -> Markup { buildArray(pieces) }
  static func buildOptional(_ piece: Markup?) -> Markup { piece ?? Markup() }
  static func buildEither(first piece: Markup) -> Markup { piece }
  static func buildEither(second piece: Markup) -> Markup { piece }
  static func buildArray(_ pieces: [Markup]) -> Markup {
    pieces.reduce(into: Markup()) { $0 += $1 }
  }
}

extension Markup {
  /// Of a cell.
  private static let mostColumns = 300

  /// A table that can be scrolled by keys where it is wider than the page. The first cell of each row names it.
  static func table(_ caption: String, _ table: TextTable) -> Markup {
    guard !table.rows.isEmpty else { return Markup() }
    return Markup("div", ["class": "wide", "tabindex": "0", "role": "region", "aria-label": caption]) {
      Markup("table") {
        Markup("caption") { Markup("span") { caption } }
        if table.header.contains(where: { !$0.isEmpty }) {
          Markup("thead") {
            Markup("tr") {
              table.header.map { head in
                Markup("th", ["scope": "col"]) { head.shortened(to: mostColumns) }
              }
            }
          }
        }
        Markup("tbody") { table.rows.map { row($0, isNumeric: !table.header.isEmpty) } }
      }
    }
  }

  /// - isNumeric: whether numbers stand under one another.
  private static func row(_ cells: [String], isNumeric: Bool) -> Markup {
    Markup("tr") {
      Markup("th", ["scope": "row"]) { (cells.first ?? "").shortened(to: mostColumns) }
      cells.dropFirst().map { cell in
        Markup("td", isNumeric && cell.isNumberLike ? ["class": "number"] : [:]) {
          cell.shortened(to: mostColumns)
        }
      }
    }
  }

  /// A remark about what is not there, or what to know.
  static func remark(_ text: String) -> Markup { Markup("p", ["class": "remark"]) { text } }
}
