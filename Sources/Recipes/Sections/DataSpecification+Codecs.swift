import Dataset
import Diagnostics

extension DataSpecification {
  /// `horizon` and `horizons` as the one key that they are.
  var horizonList: [Int] {
    get { allHorizons }
    set { (horizon, horizons) = (newValue[0], newValue.count > 1 ? newValue : nil) }
  }
}

extension Codec where Value == [Int] {
  /// One distance, a range of two numbers, or a list of more.
  static var horizon: Codec {
    let range = 0...100_000
    return Codec(.either([.whole(range), .list(of: .whole(range), .notEmpty)])) { node, place in
      let list = try node.items.map { try $0.whole(range, place) }
      guard !list.isEmpty, zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw node.failure(
          "\(place.path) must be a number, a range [first, last] or an ascending list of numbers")
      }
      return list.count == 2 ? Array(list[0]...list[1]) : list
    } write: { list in
      if list.count == 1 { return .init(list[0]) }
      // A range is written by its ends.
      let isRange = zip(list, list.dropFirst()).allSatisfy { $0 + 1 == $1 }
      return .list((isRange ? [list[0], list[list.count - 1]] : list).map { .init($0) })
    }
  }
}

extension Codec where Value == String {
  static var delimiter: Codec {
    Codec(.text) { node, place in
      let text = try node.text(place)
      guard text.utf8.count == 1 else { throw place.wrong(node, "one ASCII character") }
      return text
    } write: {
      .text($0)
    }
  }
}

extension Codec where Value == DataSpecification.PartSize {
  /// A count, a fraction with a decimal point, `rest`, or a time.
  static var share: Codec {
    let count = 0...Int(Int32.max)
    let kinds: [ValueKind] = [.whole(count), .number(.probability), .choice(["rest"]), .text]
    return Codec(.either(kinds)) { node, place in
      guard case .scalar(let text) = node.content else {
        throw place.wrong(node, "a count, fraction or rest")
      }
      if text == "rest" { return .rest }
      if Int(text) != nil { return .count(try node.whole(count, place)) }
      guard let fraction = Double(text) else {
        guard text.utf8.first.map({ (48...57).contains($0) }) == true else {
          throw place.wrong(node, "a count, a fraction, rest, or with by: time a time")
        }
        return .until(text)
      }
      guard fraction >= 0, fraction <= 1 else { throw place.wrong(node, "a fraction between 0 and 1") }
      return .fraction(fraction)
    } write: { share in
      switch share {
      case .count(let count): .init(count)
      case .fraction(let fraction): .init(fraction)
      case .rest: .plain("rest")
      case .until(let time): .text(time)
      }
    }
  }
}

extension Codec where Value == Int {
  /// An amount of memory: a number with a unit, or of bytes.
  static var bytes: Codec {
    Codec(.text) { node, place in
      let text = try node.text(place)
      guard let bytes = ByteCount.read(text) else {
        throw place.wrong(node, "an amount of memory such as 512MiB or 2GiB")
      }
      return bytes
    } write: {
      .text(ByteCount.text($0))
    }
  }
}

extension Codec where Value == [CalendarField] {
  static var calendar: Codec {
    let words = Codec<String>.choice(of: CalendarField.allCases.map(\.rawValue))
    return Codec(.list(of: words.kind, .orOneAlone)) { node, place in
      try node.items.map { CalendarField(rawValue: try words.read($0, place))! }
    } write: {
      .list($0.map { .plain($0.rawValue) })
    }
  }
}

extension Codec where Value == [String] {
  /// Paths or patterns, made absolute.
  static var files: Codec {
    Codec(.list(of: .file, .orOneAlone)) { node, place in
      try node.items.map { try place.absolutePath($0.text(place), of: $0) }
    } write: {
      .list($0.map { .text($0) })
    }
  }
}
