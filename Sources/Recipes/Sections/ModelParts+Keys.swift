import Recurrent

extension DecoderSpecification: DeclaredSection {
  static let section = Section(
    start: DecoderSpecification(),
    keys: [
      Key(
        "embedding", optional: \.embedding, .whole(1...1 << 20),
        "Of pairs: numbers of the vector of each token of the target."
      ).unwrittenIfNull(),
      Key(
        "teacher_forcing", optional: \.teacherForcing, .number(.probability),
        "Of numbers: the share of a training batch whose steps read the right numbers of the step before; the others read what is predicted, as all do in evaluation. null for 1, or 0 with losses that say how sure they are."
      ).unwrittenIfNull(),
      Key("attention", \.attention, .choice(), "How the decoder looks back at what the encoder gave."),
      Key(
        "beam", \.beam, .whole(1...1000),
        "Of pairs: hypotheses that a search for the target keeps, in evaluation and prediction."),
    ])
}

extension Codec where Value == CategoryWidths {
  /// `auto`, one width, or `{column: width}`.
  static var categoryWidths: Codec {
    let width = Codec<Int>.whole(1...1 << 20)
    return Codec(.either([.choice(["auto"]), width.kind, .entries(of: width.kind)])) { node, place in
      switch node.content {
      case .scalar("auto"): .auto
      case .map(let entries):
        .columns(
          try entries.map { .init(name: $0.key, width: try width.read($0.value, place.deeper($0.key))) })
      default: .all(try width.read(node, place))
      }
    } write: {
      switch $0 {
      case .auto: .plain("auto")
      case .all(let width): .init(width)
      case .columns(let columns): .map(columns.map { ($0.name, .init($0.width)) })
      }
    }
  }
}

extension Network.Initialization: DeclaredSection {
  static let section = Section(
    start: Network.Initialization(),
    keys: [
      Key("orthogonal", \.orthogonal, .flag, "Whether each gate's recurrent weights start orthogonal."),
      Key(
        "forget_bias", optional: \.forgetBias, .number(.any),
        "LSTM: where the forget gate's bias starts (Jozefowicz et al. 2015: 1)."),
    ])
}

extension Network.Zoneout: DeclaredSection {
  static let section = Section(
    start: Network.Zoneout(),
    keys: [
      Key(
        "hidden", \.hidden, .number(.belowOne),
        "Probability that a unit of h keeps its value of the step before."),
      Key("cell", \.cell, .number(.belowOne), "LSTM: the same for a unit of c."),
    ])
}

extension ModelSpecification {
  /// One probability for h (and for an LSTM c too), or one for each.
  static func zoneout(only cells: [Network.Cell]) -> Key<ModelSpecification> {
    let (both, each) = (Codec<Float>.number(.belowOne), Codec<Network.Zoneout>.section())
    return Key(
      "zoneout", .either([both.kind, each.kind]), scope: cells.map(\.rawValue),
      "Probability that a unit keeps its state of the step before (Krueger et al. 2017): one number, or one for h and one for an LSTM's c."
    ) { node, place, model in
      guard case .map = node.content else {
        let share = try both.read(node, place)
        model.zoneout = .init(hidden: share, cell: model.cell.hasCellState ? share : 0)
        return
      }
      model.zoneout = try each.read(node, place)
    } write: {
      each.write($0.zoneout)
    }.checked { model, map in
      if model.zoneout.cell > 0, !model.cell.hasCellState {
        throw map.failure(only: \.hasCellState, at: "zoneout.cell")
      }
    }
  }
}
