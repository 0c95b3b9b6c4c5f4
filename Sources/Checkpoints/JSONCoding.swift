import Diagnostics
import FoundationEssentials

extension JSONValue {
  /// Any encodable value as JSON. NaN and the infinities become the words `nan`, `inf` and `-inf`.
  public init(encoding value: some Encodable) {
    // Encoding fails only for types that refuse to be encoded: an error of the program.
    self = try! JSON.decoder().decode(JSONValue.self, from: JSON.encoder().encode(value))
  }

  /// The value it was made from.
  /// - key: names the part in the error, for example `schedule`.
  public func decode<Value: Decodable>(as type: Value.Type, in key: String) throws(Failure) -> Value {
    do {
      return try JSON.decoder().decode(type, from: JSON.encoder().encode(self))
    } catch {
      throw .badData("checkpoint state, \(key): \(JSON.reason(error)); was it written by another version?")
    }
  }
}

/// The one way JSON is written and read here: sorted keys, and words for what JSON has no numbers for.
package enum JSON {
  package static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  package static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  /// A string as JSON has it, quotes included.
  package static func quoted(_ text: String) -> String {
    String(decoding: try! encoder().encode(text), as: UTF8.self)
  }

  /// A decoding error in a few words, with the key it is about.
  package static func reason(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    return switch error as? DecodingError {
    case .keyNotFound(let key, let context):
      "key \((context.codingPath + [key]).map(\.stringValue).joined(separator: ".")) is missing"
    case .typeMismatch(_, let context): "\(path(context)) has the wrong type"
    case .valueNotFound(_, let context): "\(path(context)) is null"
    case .dataCorrupted(let context):
      (context.codingPath.isEmpty ? "" : path(context) + ": ") + context.debugDescription
    default: "\(error)"
    }
  }
}
