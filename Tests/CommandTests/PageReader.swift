import Foundation
import FoundationXML
import Testing

/// A page as a strict parser sees it.
final class PageReader: NSObject, XMLParserDelegate {
  let source: String
  private(set) var elements: [String] = []
  private(set) var headings: [String] = []
  private(set) var levels: [Int] = []
  private(set) var rows: [[String]] = []
  private var attributes: [(element: String, values: [String: String])] = []
  /// Open elements with the text found in them so far.
  private var open: [(name: String, text: String)] = []
  private var found: [(path: [String], text: String)] = []
  private var problem: String?

  init(_ source: String) throws {
    self.source = source
    super.init()
    let parser = XMLParser(data: Data(source.utf8))
    parser.delegate = self
    if !parser.parse() {
      problem = "\(parser.parserError.map { "\($0)" } ?? "?") in line \(parser.lineNumber)"
    }
  }

  var text: String { found.map(\.text).joined(separator: " ") }
  var cells: [String] { rows.flatMap { $0 } }

  func texts(in element: String) -> [String] { found.filter { $0.path.contains(element) }.map(\.text) }

  /// What is drawn by the paths of a class.
  func paths(_ kind: String) -> [String] {
    attributes.filter { ($0.values["class"] ?? "").split(separator: " ").contains(Substring(kind)) }
      .compactMap { $0.values["d"] }
  }

  /// What holds for every page.
  func expectSound() {
    #expect(problem == nil)
    #expect(source.utf8.count < 1_000_000, "\(source.utf8.count)")
    // Only the names of namespaces look like addresses; nothing is fetched, and nothing runs.
    let rest = source.replacingOccurrences(of: "xmlns=\"http://www.w3.org/2000/svg\"", with: "")
    #expect(!rest.contains("://") && !rest.contains("url(") && !rest.contains("@import"))
    let harmful = ["script", "img", "iframe", "object", "embed", "audio", "video", "form", "foreignObject"]
    #expect(elements.filter { harmful.contains($0) } == [])
    for (element, values) in attributes {
      #expect(values.keys.filter { $0.hasPrefix("on") || $0 == "src" || $0 == "style" } == [], "\(element)")
      if let link = values["href"] { #expect(link.hasPrefix("#") || link == "data:,", "\(link)") }
    }
    let ids = attributes.compactMap { $0.values["id"] }
    #expect(Set(ids).count == ids.count)
    let links = attributes.compactMap { $0.values["href"] }.filter { $0.hasPrefix("#") }.map {
      $0.dropFirst()
    }
    #expect(links.allSatisfy { ids.contains(String($0)) })
    #expect(levels.first == 1 && zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 }, "\(levels)")
    #expect(elements.count { $0 == "table" } == elements.count { $0 == "caption" })
    let pictures = attributes.filter { $0.element == "svg" && $0.values["aria-hidden"] == nil }
    #expect(
      pictures.allSatisfy { picture in
        picture.values["role"] == "img"
          && (picture.values["aria-labelledby"] ?? "").split(separator: " ").allSatisfy {
            ids.contains(String($0))
          }
      })
    #expect(elements.count { $0 == "desc" } == pictures.count)
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes values: [String: String]
  ) {
    elements.append(name)
    attributes.append((name, values))
    open.append((name, ""))
    if name == "tr" { rows.append([]) }
    if name.count == 2, name.first == "h", let level = name.last?.wholeNumberValue { levels.append(level) }
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if !open.isEmpty { open[open.count - 1].text += text }
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    let (element, text) = open.removeLast()
    if name != "style", !text.isEmpty { found.append((open.map(\.name) + [element], text)) }
    if ["td", "th"].contains(name) { rows[rows.count - 1].append(text) }
    if name.first == "h", name.count == 2, name != "hr" { headings.append(text) }
  }
}
