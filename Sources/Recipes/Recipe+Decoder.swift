import Batches
import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// What writes the targets of data of this shape; nil where the head gives them at once.
  package func decoder(for shape: SampleShape) throws -> Network.Decoder? {
    var decoder: Network.Decoder
    if shape.sourceSteps != nil, case .classes(let vocabulary) = shape.target {
      if model.decoder?.teacherForcing != nil {
        throw Failure.badData(
          "recipe \(name): model.decoder.teacher_forcing is for numbers; targets of pairs are always taught, remove it"
        )
      }
      guard let width = model.decoder?.embedding else {
        throw Failure.badData(
          "recipe \(name): pairs need a model.decoder with an embedding, such as {embedding: 128, attention: dot}"
        )
      }
      decoder = Network.Decoder(vocabulary: vocabulary, embedding: width)
    } else {
      guard let settings = model.decoder else { return nil }
      decoder = Network.Decoder(.numbers(try decodedNumbers(settings, shape)))
    }
    decoder.attention = model.decoder?.attention ?? .none
    return decoder
  }

  /// The numbers after a window, one step for each horizon.
  private func decodedNumbers(
    _ settings: DecoderSpecification, _ shape: SampleShape
  ) throws -> Network.Decoder.Numbers {
    guard case .values(let width) = shape.target, data.hasWindows, !data.perStep else {
      throw Failure.badData(
        "recipe \(name): model.decoder is for data.format pairs, and for csv windows with targets after them; remove it"
      )
    }
    for (key, isGiven) in [("embedding", settings.embedding != nil), ("beam", settings.beam != 1)]
    where isGiven {
      throw Failure.badData(
        "recipe \(name): model.decoder.\(key) is for the tokens of data.format pairs, but this data has numbers; remove it"
      )
    }
    let steps = data.allHorizons.count
    var numbers = Network.Decoder.Numbers(steps: steps, targets: width / steps, loss: loss)
    numbers.known = data.knownColumns
    // Taught with the right number of the step before, an interval is as wide as one step, for all of them.
    numbers.teacherForcing = settings.teacherForcing ?? (loss.levels.isEmpty ? 1 : 0)
    // Changes begin at 0, and counts are read in other units than a feature.
    if !data.isRelative, !loss.takesCounts {
      numbers.starts = data.targets.map { target in
        data.features.firstIndex { $0.hasSameBytes(as: target) }
      }
    }
    return numbers
  }
}
