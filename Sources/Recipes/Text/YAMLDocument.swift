import CYAML
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A YAML text with one document or none, as the system's libyaml composes it: aliases lead to what they stand for.
///
/// Scalars stay text: types are the recipe's business, not YAML's guess.
package final class YAMLDocument {
  /// What is wrong with a text, in libyaml's words, and where (from 1).
  package struct Problem: Error {
    package let words: String
    package let line, column: Int
  }

  /// A piece of the document.
  package struct Node {
    package enum Content {
      /// - isPlain: whether it stood without quotes.
      case scalar(String, isPlain: Bool)
      case sequence([Node])
      case mapping([(key: Node, value: Node)])
    }
    fileprivate let document: YAMLDocument
    fileprivate let number: Int32

    fileprivate var node: yaml_node_t { yaml_document_get_node(&document.document, number)!.pointee }
    /// Where it begins, from 1.
    package var place: (line: Int, column: Int) {
      let mark = node.start_mark
      return (mark.line + 1, mark.column + 1)
    }
  }

  private var document = yaml_document_t()

  package init(_ text: String) throws(Problem) {
    var failed: Problem?
    var text = text
    text.withUTF8 { bytes in
      var parser = yaml_parser_t()
      guard yaml_parser_initialize(&parser) == 1 else {
        failed = Problem(words: "it finds no memory", line: 1, column: 1)
        return
      }
      defer { yaml_parser_delete(&parser) }
      yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
      failed = load(&parser)
    }
    if let failed {
      yaml_document_delete(&document)
      throw failed
    }
  }

  deinit { yaml_document_delete(&document) }

  /// nil where the text has no document.
  package var root: Node? {
    yaml_document_get_root_node(&document) == nil ? nil : Node(document: self, number: 1)
  }

  private func load(_ parser: inout yaml_parser_t) -> Problem? {
    guard yaml_parser_load(&parser, &document) == 1 else { return Problem(parser) }
    guard root != nil else { return nil }
    var next = yaml_document_t()
    guard yaml_parser_load(&parser, &next) == 1 else { return Problem(parser) }
    defer { yaml_document_delete(&next) }
    guard yaml_document_get_root_node(&next) != nil else { return nil }
    return Problem(
      words: "expected a single document in the stream: but found another document",
      line: next.start_mark.line + 1, column: next.start_mark.column + 1)
  }
}

extension YAMLDocument.Node {
  /// The tag that makes something else of it than a text, a list or a map, `!foo`; nil where there is none.
  package var foreignTag: String? {
    let node = node
    guard let words = node.tag else { return nil }
    let prefix = "tag:yaml.org,2002:"
    let own =
      switch node.type {
      case YAML_SEQUENCE_NODE: ["seq"]
      case YAML_MAPPING_NODE: ["map"]
      default: ["str", "int", "float", "bool", "null"]
      }
    // Each node has one, and nearly all are these: they are compared where they lie.
    let isOwn = words.withMemoryRebound(to: CChar.self, capacity: strlen(prefix)) { words in
      strncmp(words, prefix, strlen(prefix)) == 0 && own.contains { strcmp(words + strlen(prefix), $0) == 0 }
    }
    if isOwn { return nil }
    let tag = String(cString: words)
    return tag.hasBytes(first: prefix) ? "!!\(tag.dropFirst(prefix.count))" : tag
  }

  package var content: Content {
    let node = node
    switch node.type {
    case YAML_SEQUENCE_NODE:
      let items = node.data.sequence.items
      return .sequence(
        UnsafeBufferPointer(start: items.start, count: items.top - items.start).map {
          Self(document: document, number: $0)
        })
    case YAML_MAPPING_NODE:
      let pairs = node.data.mapping.pairs
      return .mapping(
        UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start).map {
          (Self(document: document, number: $0.key), Self(document: document, number: $0.value))
        })
    default:
      let scalar = node.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return .scalar(
        text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE || scalar.style == YAML_ANY_SCALAR_STYLE)
    }
  }
}

extension YAMLDocument.Problem {
  fileprivate init(_ parser: yaml_parser_t) {
    let context = parser.context.map { String(cString: $0) + ": " } ?? ""
    words = context + (parser.problem.map { String(cString: $0) } ?? "it finds no memory")
    let isReader = parser.error == YAML_READER_ERROR || parser.error == YAML_MEMORY_ERROR
    line = isReader ? 1 : parser.problem_mark.line + 1
    column = isReader ? 1 : parser.problem_mark.column + 1
  }
}
