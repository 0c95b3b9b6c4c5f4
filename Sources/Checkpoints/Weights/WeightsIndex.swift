import Diagnostics
import Files

extension WeightsSource {
  /// Parts of a large model, as Hugging Face's libraries write them: `weight_map` says for each tensor which file beside it has it.
  init(index path: String, _ fileSystem: FileSystem) throws(Failure) {
    let map = try WeightsIndex(reading: path)
    let folder = FileSystem.directory(of: path)
    var tensors: [LazyTensor] = []
    for part in map.parts {
      let file = try WeightsFile(reading: "\(folder)/\(part)", fileSystem)
      let own = file.named
      let names = Set(own.map { Name($0.name) })
      if let absent = map.names(in: part).first(where: { !names.contains($0) }) {
        throw .badData(
          "\(file.path): there is no tensor \(absent), which \(Paths.name(of: path)) places there")
      }
      let listed = Set(map.names(in: part))
      tensors += own.filter { listed.contains(Name($0.name)) }
    }
    self.init(path: path, tensors: tensors)
  }
}

/// Which tensor lies in which file.
private struct WeightsIndex {
  private let places: [(tensor: Name, part: String)]

  private static let longest = 100_000_000

  init(reading path: String) throws(Failure) {
    let file = try InputFile(path: path, key: "train.init_from")
    guard file.count <= Self.longest else {
      throw .badData("\(path): an index of \(file.count) bytes is too large")
    }
    do throws(Failure) {
      places = try file.withBytes { Array($0) }.withUnsafeBufferPointer { bytes throws(Failure) in
        try Self.places(JSONReader(UnsafeRawBufferPointer(bytes)))
      }
    } catch {
      throw error.located(at: path)
    }
  }

  private static func places(_ reader: JSONReader) throws(Failure) -> [(tensor: Name, part: String)] {
    var (reader, places) = (reader, [(tensor: Name, part: String)]())
    var hasMap = false
    try reader.object { reader, key throws(Failure) in
      // text: a key of the format, in ASCII.
      guard key == "weight_map" else { return try reader.skip() }
      hasMap = true
      try reader.object { reader, name throws(Failure) in
        let part = try reader.string()
        // A name in the index's folder, and nothing that leads elsewhere.
        guard (1...255).contains(part.utf8.count), part != ".", part != "..",
          !part.utf8.contains(UInt8(ascii: "/")),
          !part.utf8.contains(0)
        else { throw reader.failure("\(part) is no name of a file beside the index") }
        places.append((Name(name), part))
      }
    }
    try reader.end()
    guard hasMap, !places.isEmpty else { throw .badData("its weight_map names no tensor") }
    return places
  }

  /// The files, each once, in the order of their names.
  var parts: [String] { Set(places.map { Name($0.part) }).sorted().map(\.text) }

  func names(in part: String) -> [Name] { places.filter { $0.part.hasSameBytes(as: part) }.map(\.tensor) }
}
