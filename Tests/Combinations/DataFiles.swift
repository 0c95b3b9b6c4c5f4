import Foundation
import TestSupport

/// The tiny files that a recipe's `data` section names, by their name in its folder.
public struct DataFiles {
  static let columns = [
    "a", "b", "y", "z", "share", "other share", "label", "group", "text", "time", "shop", "kind", "promo",
    "fixed", "weight",
  ]
  /// Of every kind of data with labels.
  static let classes = 3

  public private(set) var files: [String: [UInt8]] = [:]
  private let kind: DataKind
  private let data: Tree
  private var dice: Dice

  init(_ kind: DataKind, _ recipe: Tree, _ dice: Dice) {
    self.kind = kind
    data = recipe["data"] ?? [:]
    self.dice = dice
    write("", samples: 60)
    for part in ["validation", "test"] where data["\(part)_path"] != nil { write("\(part)-", samples: 20) }
  }

  /// What `data.path` is.
  static func main(of kind: DataKind) -> String {
    switch kind {
    case .text: "text.txt"
    case .tagged: "tagged.txt"
    case .pairs: "pairs.tsv"
    case .idx: "images"
    case .npyShards, .idxShards: "inputs"
    default: kind.format == "npy" ? "samples.npy" : "series.\(kind.format)"
    }
  }

  /// The file that a mistake in the data is made in.
  static func spoilt(of kind: DataKind) -> String {
    switch kind {
    case .idx: "images/train-images-idx3-ubyte"
    case .npyShards, .idxShards: "inputs/1\(kind.shardEndings!.inputs)"
    default: main(of: kind)
    }
  }

  /// What a part of its own is.
  static func part(_ part: String, of kind: DataKind) -> String {
    "\(part)-\(kind.shardEndings.map { "samples\($0.inputs)" } ?? main(of: kind))"
  }

  public mutating func change(_ name: String, _ change: (inout [UInt8]) -> Void) {
    change(&files[name, default: []])
  }

  public func write(to folder: String) throws {
    for (name, bytes) in files {
      let file = URL(fileURLWithPath: "\(folder)/\(name)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
  }

  private mutating func write(_ prefix: String, samples: Int) {
    let name = prefix.isEmpty ? Self.main(of: kind) : Self.part(String(prefix.dropLast()), of: kind)
    switch kind.format {
    case "csv":
      files[name] = Array(table(rows: samples + 20).utf8)
      if data["paths"] != nil { files["more-\(name)"] = Array(table(rows: samples).utf8) }
    case "npy" where kind == .npyShards && prefix.isEmpty, "idx" where kind == .idxShards && prefix.isEmpty:
      let endings = kind.shardEndings!
      for (number, count) in [7, samples - 8, 1].enumerated() {
        (files["inputs/\(number)\(endings.inputs)"], files["labels/\(number)\(endings.labels)"]) =
          kind == .npyShards ? arrays(count) : images(count)
      }
    case "idx" where kind == .idxShards:
      (files[name], files["\(prefix)labels-idx1-ubyte"]) = images(samples)
    case "npy":
      let (inputs, labels) = arrays(samples)
      files[name] = inputs
      files["\(prefix)labels.npy"] = labels
    case "idx":
      images("train", samples)
      if dice.chance(0.7) { images("t10k", 9) }
    case "ts": files[name] = Array(series(samples * 2 / 3).utf8)
    case "text": files[name] = Array(text(words: samples * 2).utf8)
    case "tagged": files[name] = Array(sentences(samples / 2).utf8)
    default: files[name] = Array(pairs(samples * 2 / 3).utf8)
    }
  }
}

// MARK: - numbers

extension DataFiles {
  private mutating func noise() -> Double { dice.within(-0.2...0.2) }

  /// From 2020 on, day by day.
  private static func day(_ number: Int) -> String {
    let lengths = [31, 29, 31, 30]
    var (month, day) = (0, number)
    while day >= lengths[month] { (month, day) = (month + 1, day - lengths[month]) }
    return String(format: "2020-%02d-%02d", month + 1, day + 1)
  }

  private mutating func table(rows: Int) -> String {
    let delimiter = data["delimiter"]?.text ?? ","
    let hasGaps = (data["gaps"]?.text ?? "error") != "error"
    var lines = data["header"] == false ? [] : [Self.columns.joined(separator: delimiter)]
    var (group, left) = (0, 0)
    for row in 0..<rows {
      if left == 0 { (group, left) = (group + 1, dice.within(1...6)) }
      left -= 1
      let (a, b) = (sin(Double(row) / 5) + noise(), cos(Double(row) / 7) + noise())
      let numbers = [a, b, a * b + 2, a - b, 1 / (1 + exp(-3 * a)), b > 0 ? 1 : 0]
      let label = row < 3 ? ["down", "flat", "up"][row] : a > 0.3 ? "up" : a < -0.3 ? "down" : "flat"
      let text = kind.isOfTexts ? sentence(label) : "none"
      let shop = row % 3
      let others = [
        Self.day(row), ["north", "south", "wést"][shop], ["dry", "wet", "", "dry"][row % 4],
        "\(row % 5 == 0)",
        "\(1.5 * Double(shop))", String(format: "%.2f", 1 + noise()),
      ]
      var fields = numbers.map { String(format: "%.4f", $0) } + [label, "g\(group)", text] + others
      if data["decimal"] == "," {
        for place in [0, 1, 2, 3, 4, 5, 13, 14] { fields[place] = fields[place].replacing(".", with: ",") }
      }
      if data["gaps"]?.text != "mask", data["gaps"]?.text != "mean" { fields[11] = "kind \(row % 2)" }
      if hasGaps, 3 < row, row < rows - 3, dice.chance(0.1) { fields[0] = "" }
      lines.append(fields.joined(separator: delimiter))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A class that says something about the numbers, and each of them at the start.
  private func label(_ sample: Int, _ value: Double) -> Int {
    sample < Self.classes ? sample : value > 0.1 ? 2 : value < -0.1 ? 0 : 1
  }

  /// Samples `[n, 5, 3]` and a class or two numbers between 0 and 1 for each.
  private mutating func arrays(_ samples: Int) -> (inputs: [UInt8], labels: [UInt8]) {
    var (inputs, classes, values): ([Float], [Int64], [Float]) = ([], [], [])
    for sample in 0..<samples {
      let own = (0..<15).map { Float(sin(Double(sample + $0)) + noise()) }
      let mean = own.reduce(0, +) / 15
      inputs += own
      classes.append(Int64(label(sample, Double(mean))))
      values += [1 / (1 + exp(-4 * mean)), own[0] > 0 ? 1 : 0]
    }
    return (
      ArrayFiles.npy("<f4", "(\(samples), 5, 3)", ArrayFiles.bytes(inputs)),
      kind != .npyValues
        ? ArrayFiles.npy("<i8", "(\(samples),)", ArrayFiles.bytes(classes))
        : ArrayFiles.npy("<f4", "(\(samples), 2)", ArrayFiles.bytes(values))
    )
  }

  /// Images of 4 × 3 pixels and their labels.
  private mutating func images(_ count: Int) -> (inputs: [UInt8], labels: [UInt8]) {
    var (pixels, labels): ([UInt8], [UInt8]) = ([], [])
    for sample in 0..<count {
      let own = (0..<12).map { UInt8(127 + 100 * sin(Double(sample * 5 + $0)) + 100 * noise()) }
      pixels += own
      labels.append(UInt8(label(sample, Double(own[3]) / 127 - 1)))
    }
    return (ArrayFiles.idx(2051, [count, 4, 3], pixels), ArrayFiles.idx(2049, [count], labels))
  }

  private mutating func images(_ part: String, _ count: Int) {
    let (inputs, labels) = images(count)
    let all = [("images/\(part)-images-idx3-ubyte", inputs), ("images/\(part)-labels-idx1-ubyte", labels)]
    let isPacked = part == "t10k" && dice.chance(0.5)
    for (name, bytes) in all {
      files[isPacked ? "\(name).gz" : name] = isPacked ? ArrayFiles.gzip(bytes) : bytes
    }
  }

  private mutating func series(_ samples: Int) -> String {
    let target = kind == .tsValues ? "@targetLabel true" : "@classLabel true p q r"
    var text = "# drawn\n@problemName drawn\n@timeStamps false\n@univariate false\n"
    text += "@equalLength \(kind == .tsEqual)\n\(target)\n@data\n"
    let hasGaps = ["mean", "mask"].contains(data["gaps"]?.text ?? "error")
    for sample in 0..<samples {
      let length = kind == .tsEqual ? 4 : dice.within(1...8)
      let dimensions = (0..<2).map { dimension in
        (0..<length).map { step in
          if hasGaps, dice.chance(0.1) { return "?" }
          return String(format: "%.3f", sin(Double(sample + step + dimension)) + noise())
        }.joined(separator: ",")
      }
      let value = sin(Double(sample))
      let label = kind == .tsValues ? String(format: "%.3f", value) : ["p", "q", "r"][label(sample, value)]
      text += dimensions.joined(separator: ":") + ":\(label)\n"
    }
    return text
  }
}

// MARK: - words

extension DataFiles {
  private static let words = [
    "in", "the", "beginning", "was", "a", "word", "and", "that", "wörd", "ran", "on", "to", "its", "end",
  ]

  /// A few words, one of which says the label.
  private mutating func sentence(_ label: String) -> String {
    ((0..<dice.within(0...4)).map { _ in dice.pick(Self.words) } + [label]).joined(separator: " ")
  }

  private mutating func text(words: Int) -> String {
    (0..<words).map { "\(dice.pick(Self.words))\($0 % 9 == 8 ? "\n" : " ")" }.joined()
  }

  private mutating func sentences(_ count: Int) -> String {
    let isNumbered = data["token_column"] != nil
    var text = ""
    for _ in 0..<count {
      for index in 1...dice.within(1...7) {
        let word = dice.pick(Self.words)
        let tag = ["P", "P", "N", "V"][min(3, word.utf8.count - 1)]
        text += (isNumbered ? "\(index)\t" : "") + "\(word)\t\(tag)\n"
      }
      text += "\n"
    }
    return text
  }

  /// Sources of a few letters or words, with the same in capitals, the other way round.
  private mutating func pairs(_ count: Int) -> String {
    let glue = data["tokens"] == "word" ? " " : ""
    let targetGlue = (data["target_tokens"] ?? data["tokens"]) == "word" ? " " : ""
    return (0..<count).map { _ in
      let source = (0..<dice.within(1...5)).map { _ in dice.pick(["a", "b", "c", "d"]) }
      let target = source.reversed().map { $0.uppercased() }
      return "\(source.joined(separator: glue))\t\(target.joined(separator: targetGlue))\n"
    }.joined()
  }
}
