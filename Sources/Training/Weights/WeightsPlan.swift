import Diagnostics
import Recurrent

/// Which tensor of a file goes where in a network. Making one reads names and shapes alone.
struct WeightsPlan {
  private var taken: [(entry: ParameterLayout.Entry, tensor: WeightsSource.LazyTensor)] = []
  private(set) var report: WeightsReport

  /// - Throws: `badData` where a tensor is missing that `train.allow_missing` does not name, has another shape, or comes twice.
  init(_ source: WeightsSource, _ layout: ParameterLayout, _ train: TrainSpecification) throws(Failure) {
    let allowed = train.allowMissing.map(NamePattern.init)
    try allowed.requireUse(on: layout.entries.map(\.name), key: "train.allow_missing")
    report = WeightsReport(path: source.path, taken: [], missing: [], unused: [], converted: [])
    let renamed = try WeightsNames(source, layout, train.initMap)
    var (misfits, absent) = ([Name](), [String]())
    for entry in layout.entries {
      let found = renamed.tensor(for: entry.name)
      if let found, found.shape == entry.shape {
        taken.append((entry, found))
        report.taken.append(entry.name)
      } else if allowed.match(entry.name) {
        report.missing.append(entry.name)
        found.map { misfits.append(Name($0.name)) }
      } else if let found {
        throw .badData(
          "\(source.path): tensor \(found.name) has shape \(found.shape), \(entry.name) of this network \(entry.shape); --allow-missing '\(entry.name)' lets it start anew"
        )
      } else {
        absent.append(entry.name)
      }
    }
    if !absent.isEmpty { throw renamed.failure(absent: absent) }
    let used = Set(taken.map { Name($0.tensor.name) })
    report.unused = source.tensors.map(\.name).filter { !used.contains(Name($0)) }
    for type in taken.compactMap({ FloatType(rawValue: $0.tensor.type) }) where type != .single {
      if !report.converted.contains(type.name) { report.converted.append(type.name) }
    }
  }

  /// Reads the values into parameters in layout order. What is missing stays as it is.
  func fill(_ parameters: UnsafeMutableBufferPointer<Float>) throws(Failure) {
    for (entry, tensor) in taken {
      _ = parameters[entry.range].update(fromContentsOf: try tensor.values())
    }
  }

  /// Reads the values, and keeps none.
  func check() throws(Failure) {
    for (_, tensor) in taken { _ = try tensor.values() }
  }
}

/// The tensors of a file by the names that they have in this network.
private struct WeightsNames {
  private let source: WeightsSource
  private var tensors: [Name: WeightsSource.LazyTensor] = [:]
  /// Of tensors that the map gives another name, that by their own.
  private var mapped: [Name: String] = [:]

  init(_ source: WeightsSource, _ layout: ParameterLayout, _ map: [String]) throws(Failure) {
    self.source = source
    let map = map.compactMap(TrainSpecification.renaming)
    for (old, _) in map where !source.tensors.contains(where: { $0.name.hasBytes(first: old) }) {
      throw .badData(
        "train.init_map: no tensor of \(source.path) begins with \(old); it has \(source.tensors.map(\.name).named(atMost: 12))"
      )
    }
    for tensor in source.tensors {
      let name = Self.name(tensor.name, map, layout)
      if map.contains(where: { tensor.name.hasBytes(first: $0.old) }) { mapped[Name(tensor.name)] = name }
      if let other = tensors.updateValue(tensor, forKey: Name(name)) {
        throw .badData(
          "\(source.path): tensors \(other.name) and \(tensor.name) would both be \(name); change --init-map")
      }
    }
  }

  func tensor(for name: String) -> WeightsSource.LazyTensor? { tensors[Name(name)] }

  /// As the map says; the tensors of a bare `nn.LSTM`, `nn.GRU` or `nn.RNN` are the recurrent part's.
  private static func name(_ name: String, _ map: [(old: String, new: String)], _ layout: ParameterLayout)
    -> String
  {
    if let (old, new) = map.first(where: { name.hasBytes(first: $0.old) }) {
      return new + String(Substring(name.utf8.dropFirst(old.utf8.count)))
    }
    return layout[name] == nil && layout["rnn.\(name)"] != nil ? "rnn.\(name)" : name
  }

  /// What to do about tensors that are not there.
  func failure(absent: [String]) -> Failure {
    if let lost = absent.first(where: { mapped[Name($0)] != nil }), let name = mapped[Name(lost)] {
      return .badData(
        "\(source.path): train.init_map renames tensor \(lost) to \(name), and this network has \(lost): it is OLD=NEW, the file's name first; remove it (--init-map)"
      )
    }
    let map = suggestion(for: absent).map { "; --init-map '\($0)' may be what is missing" } ?? ""
    // A whole module, where several tensors of one are not there.
    let module = absent.count > 1 ? absent[0].utf8.firstIndex(of: UInt8(ascii: ".")) : nil
    let pattern = module.map { "\(absent[0][...$0])*" } ?? absent[0]
    return .badData(
      "\(source.path): there is no tensor \(absent.named(atMost: 4)); it has \(source.tensors.map(\.name).named(atMost: 8))\(map); --allow-missing '\(pattern)' lets what is missing start anew"
    )
  }

  /// `OLD=NEW` that would find one of them: a tensor whose name ends as it does after its module.
  private func suggestion(for absent: [String]) -> String? {
    for name in absent {
      guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { continue }
      let (module, rest) = (name[...dot], name[dot...])
      let similar = source.tensors.first { $0.name.hasBytes(last: rest) }
      guard let similar else { continue }
      let old = Substring(similar.name.utf8.dropLast(rest.utf8.count - 1))
      if !old.hasSameBytes(as: module) { return "\(old)=\(module)" }
    }
    return nil
  }
}
