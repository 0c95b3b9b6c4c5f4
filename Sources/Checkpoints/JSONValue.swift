/// Any JSON value, for parts of the state whose shape their owner decides.
///
/// Integers keep all 64 bits, and doubles the bits they had.
public enum JSONValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int64)
  /// Only for numbers above `Int64.max`.
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  // text: keys of this program's own state.
  case object([String: JSONValue])
}

extension JSONValue: Codable {
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let boolean = try? value.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let number = try? value.decode(Double.self) {
      self = Self.exact(
        number, integer: try? value.decode(Int64.self), unsigned: try? value.decode(UInt64.self))
    } else if let array = try? value.decode([JSONValue].self) {
      self = .array(array)
    } else {
      // text: as above.
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .boolean(let boolean): try value.encode(boolean)
    case .integer(let integer): try value.encode(integer)
    case .unsigned(let unsigned): try value.encode(unsigned)
    case .number(let number): try value.encode(number)
    case .string(let string): try value.encode(string)
    case .array(let array): try value.encode(array)
    case .object(let object): try value.encode(object)
    }
  }

  /// Minus zero is a double: as an integer it would lose its sign.
  private static func exact(_ number: Double, integer: Int64?, unsigned: UInt64?) -> JSONValue {
    if number == 0, number.sign == .minus { return .number(number) }
    if let integer { return .integer(integer) }
    if let unsigned { return .unsigned(unsigned) }
    return .number(number)
  }
}
