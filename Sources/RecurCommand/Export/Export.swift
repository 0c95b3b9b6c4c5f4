import ArgumentParser
import Foundation
import Recur

struct Export: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model alone, for other programs.",
    discussion:
      "safetensors: tensors under the names of PyTorch's state_dict; load_state_dict takes them as they are.")

  @Argument(help: "A checkpoint, or a run directory for its newest one.") var checkpoint: String
  @Option(help: "The safetensors file to write.") var safetensors: String
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> ExportReport {
    let model = try CheckpointedModel(contentsOf: checkpoint)
    let file = try OutputFile(safetensors)
    try file.write(Safetensors(model).bytes)
    try file.close()
    try console.say("\(model.model.layout.entries.count) tensors of \(model.path)")
    try console.say("written to \(safetensors)")
    return ExportReport(
      recipe: model.recipe.name, checkpoint: model.path, output: safetensors,
      parameters: model.model.layout.count,
      parametersSHA256: parametersSHA256(UnsafeBufferPointer(model.model.parameters)))
  }
}

struct ExportReport: CommandReport {
  var command = "export"
  let recipe: String
  let checkpoint: String
  let output: String
  let parameters: Int
  let parametersSHA256: String

  private enum CodingKeys: String, CodingKey {
    case command, recipe, checkpoint, output, parameters
    case parametersSHA256 = "parameters_sha256"
  }
}

/// A model as a safetensors file: eight bytes of header length, the header in JSON, the tensors' bytes.
private struct Safetensors {
  private struct Entry: Encodable {
    var dtype = "F32"
    let shape: [Int]
    let dataOffsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }
  private struct Header: Encodable {
    let metadata: [String: String]
    let entries: [String: Entry]

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: JSONKey.self)
      try container.encode(metadata, forKey: JSONKey(stringValue: "__metadata__"))
      for (name, entry) in entries { try container.encode(entry, forKey: JSONKey(stringValue: name)) }
    }
  }
  private struct JSONKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  let bytes: Data

  init(_ model: CheckpointedModel) throws {
    var entries: [String: Entry] = [:]
    for entry in model.model.layout.entries {
      entries[entry.name] = Entry(
        shape: entry.shape, dataOffsets: [entry.range.lowerBound * 4, entry.range.upperBound * 4])
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let metadata = ["format": "pt", "recipe": model.recipe.name, "model": model.recipe.model.summary]
    var header = try encoder.encode(Header(metadata: metadata, entries: entries))
    // The tensors start at a multiple of eight bytes.
    header += Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    var bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    bytes += header
    bytes += Data(UnsafeRawBufferPointer(UnsafeBufferPointer(model.model.parameters)))
    self.bytes = bytes
  }
}
