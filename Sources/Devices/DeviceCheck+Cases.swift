import Recurrent
import Training

extension DeviceCheck {
  /// All cells, readouts, losses and optimizers, one and two layers and directions, dropout, clipping, odd sizes.
  package static let all: [DeviceCheck] = plainLayers + sequences + options

  private static let plainLayers: [DeviceCheck] = [
    DeviceCheck(.lstm) { $0.network.layers = 2 },
    DeviceCheck(.gru) { $0.network.layers = 2 },
    DeviceCheck(.rnn) { $0.network.layers = 2 },
    DeviceCheck(.lstm, hidden: 18, steps: 3, .allSteps, head: [.linear(1), .sigmoid]) {
      $0.network.layers = 2
      $0.network.bidirectional = true
      $0.network.dropout = 0.3
      $0.limits.norm = 0.05
      $0.learningRate = 0.002
    },
    DeviceCheck(.gru, hidden: 5, .finalState, head: [.linear(6), .relu, .dropout(0.4), .linear(3)]) {
      $0.network.bidirectional = true
      $0.network.layers = 2
      $0.network.dropout = 0.2
      $0.loss = .crossEntropy(ignoreIndex: 1, classWeights: [0.5, 1, 2], labelSmoothing: 0.1)
      $0.optimizer = OptimizerSpecification(.adamW())
    },
    DeviceCheck(.rnn, .everyStep, head: [.linear(70)]) {
      $0.network.nonlinearity = .relu
      $0.network.bidirectional = true
      $0.network.bias = false
      $0.batch = 12
      $0.loss = .crossEntropy()
      $0.optimizer = OptimizerSpecification(.sgd(momentum: 0.9, nesterov: true))
    },
    DeviceCheck(.gru, steps: 1, .everyStep, head: [.linear(2, bias: false), .tanh]) {
      $0.loss = .huber(delta: 0.3)
      $0.optimizer = OptimizerSpecification(.rmsprop(momentum: 0.5))
      $0.learningRate = 0.001
      $0.network.bias = false
    },
    DeviceCheck(.lstm, .finalState, head: [.tanh, .linear(1)]) {
      $0.loss = .bceWithLogits
      $0.optimizer = OptimizerSpecification(.rmsprop())
      $0.learningRate = 0.001
      $0.batch = 1
    },
    DeviceCheck(.none, input: 9, steps: 2, head: [.linear(33), .sigmoid, .linear(20), .relu, .linear(2)]) {
      $0.loss = .mae
      $0.optimizer = OptimizerSpecification(.sgd())
      $0.batch = 70
    },
    DeviceCheck(.lstm, .lastStep, head: []) { $0.network.bidirectional = true },
    // More rows than a block of the fused engine takes.
    DeviceCheck(.gru, input: 4, hidden: 6, steps: 3, .finalState, head: [.linear(9), .tanh, .linear(3)]) {
      $0.network.layers = 2
      $0.network.bidirectional = true
      $0.network.dropout = 0.2
      $0.loss = .crossEntropy(ignoreIndex: 1)
      $0.batch = 41
      $0.limits.norm = 0.1
      $0.learningRate = 0.003
    },
  ]

  /// Sizes a cluster of blocks takes: each cell, one step and several, one and two directions and layers, rows that fill no tile.
  package static let middle: [DeviceCheck] = [
    DeviceCheck(.lstm, hidden: 40, steps: 3) {
      $0.network.layers = 2
      $0.network.bidirectional = true
      $0.network.dropout = 0.2
      $0.batch = 11
      $0.learningRate = 0.0005
    },
    DeviceCheck(.gru, hidden: 40, steps: 3, .everyStep) {
      $0.network.bidirectional = true
      $0.batch = 9
      $0.learningRate = 0.002
    },
    DeviceCheck(.rnn, hidden: 40, steps: 3) {
      $0.network.layers = 2
      $0.network.nonlinearity = .relu
      $0.network.bias = false
      $0.batch = 8
      $0.learningRate = 0.002
    },
    DeviceCheck(.gru, hidden: 64, steps: 1, .finalState) {
      $0.network.layers = 2
      $0.learningRate = 0.002
    },
    DeviceCheck(.gru, hidden: 40, .finalState) {
      $0.network.bidirectional = true
      $0.hasLengths = true
      $0.learningRate = 0.001
    },
    DeviceCheck(.lstm, hidden: 40, steps: 3, .everyStep) {
      $0.network.layers = 2
      $0.isStreamed = true
      $0.learningRate = 0.0005
    },
  ]

  /// Middle sizes with plain gradient descent, for precisions that round.
  package static let middlePlain: [DeviceCheck] = [Network.Cell.lstm, .gru, .rnn].flatMap { cell in
    [(40, 13), (64, 8)].map { hidden, batch in
      DeviceCheck(cell, hidden: hidden, steps: 3) {
        $0.network.layers = 2
        $0.network.bidirectional = hidden == 40
        $0.optimizer = OptimizerSpecification(.sgd())
        $0.learningRate = 0.1
        $0.batch = batch
      }
    }
  }

  /// Sizes that fill a cluster's registers, for GPUs.
  package static let large: [DeviceCheck] = [
    (Network.Cell.rnn, 256), (.lstm, 256), (.gru, 512), (.lstm, 512),
  ].map {
    cell, hidden in
    DeviceCheck(cell, hidden: hidden, steps: 6) {
      $0.network.bidirectional = hidden == 256
      $0.optimizer = OptimizerSpecification(.sgd())
      $0.learningRate = 0.1
      $0.batch = 21
    }
  }

  /// One of each cell with plain gradient descent, for precisions that round.
  package static let plain: [DeviceCheck] = [Network.Cell.lstm, .gru, .rnn].map { cell in
    DeviceCheck(cell, hidden: 32) {
      $0.network.layers = 2
      $0.optimizer = OptimizerSpecification(.sgd())
      $0.learningRate = 0.1
      $0.batch = 16
    }
  }
}
