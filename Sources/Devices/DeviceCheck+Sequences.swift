import Recurrent
import Training

extension DeviceCheck {
  /// Lengths, tokens and streams.
  static let sequences: [DeviceCheck] = [
    DeviceCheck(.lstm, steps: 9, .finalState) {
      $0.hasLengths = true
      $0.network.layers = 2
      $0.network.bidirectional = true
      $0.network.dropout = 0.3
    },
    DeviceCheck(.gru, steps: 9, .everyStep, head: [.linear(6), .relu, .dropout(0.4), .linear(2)]) {
      $0.hasLengths = true
      $0.network.bidirectional = true
      $0.network.layers = 2
      $0.optimizer = OptimizerSpecification(.sgd(momentum: 0.9))
      $0.averageDecay = 0.9
    },
    DeviceCheck(.rnn, hidden: 66, steps: 5, .lastStep) {
      $0.hasLengths = true
      $0.network.bidirectional = true
      $0.limits.value = 0.01
      $0.optimizer = OptimizerSpecification(.sgd())
    },
    DeviceCheck(.lstm, hidden: 10, steps: 13, .everyStep, head: [.dropout(0.2), .linear(4)]) {
      $0.network.embedding = .init(vocabulary: 9, width: 34)
      $0.network.embedding?.dropout = 0.3
      $0.network.bidirectional = true
      $0.hasLengths = true
      $0.batch = 15
      $0.loss = .crossEntropy(ignoreIndex: 2)
    },
    DeviceCheck(.lstm, hidden: 12, steps: 6, .everyStep, head: [.linear(8)]) {
      $0.network.embedding = .init(vocabulary: 8, width: 12)
      $0.network.embedding?.isTied = true
      $0.network.layers = 2
      $0.network.dropout = 0.2
      $0.isStreamed = true
      $0.hasLengths = true
      $0.loss = .crossEntropy()
      $0.limits.norm = 0.25
      $0.optimizer = OptimizerSpecification(.sgd())
    },
    DeviceCheck(.gru, hidden: 6, steps: 5, .everyStep, head: [.linear(7)]) {
      $0.network.embedding = .init(vocabulary: 40, width: 5)
      $0.network.layers = 2
      $0.isStreamed = true
      $0.loss = .crossEntropy()
      $0.averageDecay = 0.3
    },
  ]

  /// What cells and layers can have besides.
  static let options: [DeviceCheck] = [
    DeviceCheck(.lstm, hidden: 9, steps: 6, .finalState) {
      $0.network.layerNorm = true
      $0.network.bidirectional = true
      $0.network.layers = 2
      $0.network.residual = true
      $0.hasLengths = true
      $0.optimizer = OptimizerSpecification(.sgd())
    },
    DeviceCheck(.gru, hidden: 9, steps: 5) {
      $0.network.layerNorm = true
      $0.network.bias = false
      $0.network.zoneout.hidden = 0.3
      $0.network.recurrentDropout = 0.25
      $0.network.learnedInitialState = true
      $0.network.bidirectional = true
      $0.hasLengths = true
    },
    DeviceCheck(.rnn, hidden: 40, steps: 4, .everyStep) {
      $0.network.layerNorm = true
      $0.network.recurrentDropout = 0.2
    },
    DeviceCheck(.lstm, hidden: 9, steps: 6, .everyStep) {
      $0.network.projectionSize = 4
      $0.network.zoneout = .init(hidden: 0.2, cell: 0.3)
      $0.network.layers = 3
      $0.network.residual = true
      $0.network.dropout = 0.2
      $0.network.inputDropout = 0.1
      $0.network.lockedDropout = true
      $0.network.learnedInitialState = true
      $0.hasLengths = true
      $0.network.bidirectional = true
    },
    DeviceCheck(.lstm, hidden: 9, steps: 5, .everyStep, head: [.linear(6)]) {
      $0.network.embedding = .init(vocabulary: 6, width: 5)
      $0.network.projectionSize = 4
      $0.network.recurrentDropout = 0.3
      $0.network.inputDropout = 0.2
      $0.network.learnedInitialState = true
      $0.isStreamed = true
      $0.hasLengths = true
      $0.loss = .crossEntropy()
    },
    DeviceCheck(.gru, steps: 5, .allSteps) {
      $0.network.hiddenSizes = [9, 5, 7]
      $0.network.hiddenSize = 9
      $0.network.layers = 3
      $0.network.bidirectional = true
      $0.network.dropout = 0.3
      $0.network.lockedDropout = true
    },
    DeviceCheck(.gru, hidden: 6, steps: 4, .finalState) {
      $0.network.zoneout.hidden = 0.2
      $0.network.learnedInitialState = true
      $0.network.bidirectional = true
    },
  ]
}
