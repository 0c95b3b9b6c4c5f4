import Dataset
import Exchange
import Foundation
import Recurrent

/// The networks that are written and run: each choice with each other, then each option.
enum NetworkGrid {
  static let cells =
    Network.Cell.recurrent.map { ($0, Network.Nonlinearity.tanh) } + [(.rnn, .relu)]
  static var all: [NetworkCase] {
    choices + options + heads + tokens + categories + units + ownUnits + decoders + plain
  }

  static func network(
    _ cell: Network.Cell, _ readout: Network.Readout = .finalState, hidden: [Int] = [5],
    bidirectional: Bool = false
  ) -> Network {
    var network = Network(cell, inputs: 3, hidden: hidden[0], steps: 4, head: [.linear(2)])
    (network.layers, network.bidirectional, network.readout) = (hidden.count, bidirectional, readout)
    if Set(hidden).count > 1 { network.hiddenSizes = hidden }
    return network
  }

  /// The case, and where the network allows it the same with lengths.
  static func cases(_ name: String, _ network: Network) -> [NetworkCase] {
    let equal = NetworkCase(name: name, network: network)
    if network.needsEqualLengths { return [equal] }
    var ragged = equal
    ragged.name += ", ragged"
    ragged.lengths = [2, 5, 1, 5]
    ragged.interface.hasLengths = true
    return [equal, ragged]
  }

  static var choices: [NetworkCase] {
    cells.flatMap { cell, nonlinearity in
      Network.Readout.allCases.flatMap { readout in
        [[5], [4, 6], [3, 3, 3]].flatMap { hidden in
          [false, true].flatMap { bidirectional in
            var network = network(cell, readout, hidden: hidden, bidirectional: bidirectional)
            network.nonlinearity = nonlinearity
            return cases(
              "\(cell) \(nonlinearity) \(readout) \(hidden)\(bidirectional ? " bidirectional" : "")", network)
          }
        }
      }
    }
  }

  typealias Option = (name: String, set: @Sendable (inout Network) -> Void)
  static let each: [Option] = [
    ("no bias", { $0.bias = false }), ("residual", { $0.residual = true }),
    ("learned states", { $0.learnedInitialState = true }), ("layer norm", { $0.layerNorm = true }),
    ("layer norm, no bias", { ($0.layerNorm, $0.bias) = (true, false) }),
    ("projection", { $0.projectionSize = 2 }), ("peepholes", { $0.peepholes = true }),
    (
      "peepholes, no bias, learned states",
      { ($0.peepholes, $0.bias, $0.learnedInitialState) = (true, false, true) }
    ),
    ("peepholes, projection", { ($0.peepholes, $0.projectionSize) = (true, 3) }),
    ("peepholes, zoneout", { ($0.peepholes, $0.zoneout) = (true, .init(hidden: 0.2, cell: 0.4)) }),
    ("reset before", { $0.resetAfter = false }),
    ("reset before, no bias", { ($0.resetAfter, $0.bias) = (false, false) }),
    ("reset before, zoneout", { ($0.resetAfter, $0.zoneout.hidden) = (false, 0.3) }),
    ("projection, layer norm", { ($0.projectionSize, $0.layerNorm) = (2, true) }),
    ("zoneout", { $0.zoneout.hidden = 0.3 }),
    ("zoneout of both", { $0.zoneout = .init(hidden: 0.2, cell: 0.4) }),
    (
      "all",
      {
        ($0.layerNorm, $0.residual, $0.learnedInitialState) = (true, true, true)
        $0.zoneout = .init(hidden: 0.2)
      }
    ),
    (
      "dropouts",
      { ($0.dropout, $0.inputDropout, $0.recurrentDropout, $0.lockedDropout) = (0.5, 0.5, 0.5, true) }
    ),
  ]

  static var options: [NetworkCase] {
    cells.flatMap { cell, nonlinearity in
      each.flatMap { option in
        [Network.Readout.finalState, .lastStep, .everyStep].flatMap { readout in
          [false, true].flatMap { bidirectional -> [NetworkCase] in
            var network = network(cell, readout, hidden: [4, 4], bidirectional: bidirectional)
            network.nonlinearity = nonlinearity
            option.set(&network)
            guard (try? network.validate()) != nil else { return [] }
            return cases(
              "\(option.name): \(cell) \(nonlinearity) \(readout)\(bidirectional ? " bidirectional" : "")",
              network)
          }
        }
      }
    }
  }

  static var heads: [NetworkCase] {
    let heads: [[Network.HeadLayer]] = [
      [], [.linear(3, bias: false)],
      [.linear(4), .relu, .dropout(0.5), .linear(3), .tanh, .linear(2), .sigmoid],
    ]
    return heads.flatMap { head in
      [Network.Readout.finalState, .everyStep].flatMap { readout -> [NetworkCase] in
        var network = network(.gru, readout)
        network.head = head
        return cases("head of \(head.count), \(readout)", network)
      }
    }
  }

  static var tokens: [NetworkCase] {
    cells.flatMap { cell, nonlinearity in
      [false, true].flatMap { isTied -> [NetworkCase] in
        var network = network(cell, isTied ? .everyStep : .finalState, hidden: [6, 6])
        network.nonlinearity = nonlinearity
        network.embedding = .init(vocabulary: 9, width: 6)
        network.embedding!.isTied = isTied
        network.head = [.linear(isTied ? 9 : 2)]
        var all = cases("tokens of \(cell) \(nonlinearity)\(isTied ? ", tied" : "")", network)
        for layerNorm in [false, true] {
          var stream = all[0]
          stream.network.layerNorm = layerNorm
          stream.network.readout = .everyStep
          stream.interface.carriesStates = true
          stream.name += layerNorm ? ", streams with layer norm" : ", streams"
          all.append(stream)
        }
        return all
      }
    }
  }

  static var categories: [NetworkCase] {
    [0, 2].flatMap { numbers in
      [Network.Cell.lstm, .none].flatMap { cell -> [NetworkCase] in
        var network = network(cell)
        network.inputSize = numbers
        network.categories = [.init(vocabulary: 4, width: 2), .init(vocabulary: 3, width: 5)]
        return cases("categories beside \(numbers), \(cell)", network)
      }
    }
  }

  static var decoders: [NetworkCase] {
    let losses: [Loss] = [
      .mse, .bceWithLogits, .quantile(levels: [0.1, 0.4, 0.7]), .quantile(levels: [0.1, 0.2]), .gaussianNLL,
      .poisson, .negativeBinomial,
    ]
    return losses.enumerated().flatMap { number, loss in
      cells.flatMap { cell, nonlinearity in
        [false, true].map { bidirectional -> NetworkCase in
          var network = network(cell, .everyStep, hidden: [4, 4], bidirectional: bidirectional)
          network.nonlinearity = nonlinearity
          network.inputSize = 7
          var numbers = Network.Decoder.Numbers(steps: 3, targets: 2, loss: loss)
          if number % 2 == 0 { numbers.known = 1..<7 }
          if !loss.takesCounts { numbers.starts = [0, nil] }
          network.decoder = .init(.numbers(numbers))
          network.decoder!.attention = [.none, .dot, .general][number % 3]
          network.head = [.linear(2 * loss.outputsPerTarget)]
          return NetworkCase(
            name: "decoder: \(cell) \(nonlinearity) \(loss)\(bidirectional ? " bidirectional" : "")",
            network: network)
        }
      }
    }
  }

  static var plain: [NetworkCase] { cases("no recurrent part", network(.none)) }
}
