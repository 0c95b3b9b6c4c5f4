import Batches

/// The states that parallel streams are in between one window of steps and the next: h and c of every layer.
///
/// A model that is given these begins each row of a batch where its stream stood, and leaves the state after the row's last step.
/// No gradient flows from one batch to the one before (truncated back-propagation through time).
public final class StreamStates {
  /// How many streams a text is read in where it is evaluated: the numbers depend on it.
  public static let evaluated = 10

  public let streams: Int
  /// `[layers·D, streams, H]`, H of the widest layer: others leave the rest zero.
  package let hidden: UnsafeMutableBufferPointer<Float>
  /// `[layers·D, streams, H]`; empty for cells without c.
  package let cell: UnsafeMutableBufferPointer<Float>
  private let hiddenSize: Int
  private let layers: Int

  /// All zero.
  public init(_ network: Network, streams: Int) {
    self.streams = streams
    hiddenSize = network.largestHiddenSize
    layers = network.layers * network.directions
    hidden = .allocate(capacity: layers * streams * hiddenSize)
    cell = .allocate(capacity: network.cell.hasCellState ? hidden.count : 0)
    hidden.initialize(repeating: 0)
    cell.initialize(repeating: 0)
  }

  deinit {
    hidden.deallocate()
    cell.deallocate()
  }

  /// `[layers·D, streams, H]`
  public var shape: [Int] { [layers, streams, hiddenSize] }

  /// Sets a stream to zero.
  public func reset(_ stream: Int) {
    for layer in 0..<layers {
      for values in [hidden, cell] where !values.isEmpty {
        (values.baseAddress! + (layer * streams + stream) * hiddenSize).update(
          repeating: 0, count: hiddenSize)
      }
    }
  }

  /// Takes the state of another's stream.
  func copy(_ stream: Int32, of other: StreamStates, to target: Int32) {
    for layer in 0..<layers {
      for (from, to) in [(other.hidden, hidden), (other.cell, cell)] where !to.isEmpty {
        state(to, layer: layer, stream: target)
          .update(from: other.state(from, layer: layer, stream: stream), count: hiddenSize)
      }
    }
  }

  func state(_ values: UnsafeMutableBufferPointer<Float>, layer: Int, stream: Int32)
    -> UnsafeMutablePointer<Float>
  {
    precondition(stream >= 0 && stream < streams, "stream \(stream) is not in 0..<\(streams)")
    return values.baseAddress! + (layer * streams + Int(stream)) * hiddenSize
  }
}

extension RecurrentStack {
  /// Rows begin where their streams stood.
  func setInitialState(_ carried: Model.Carried, batch: Int) {
    let states = carried.states
    for (values, buffers, row) in [
      (states.hidden, initialHidden, \LayerSizes.hiddenRow), (states.cell, initialCell, \.cellRow),
    ] where !values.isEmpty {
      for (number, buffer) in buffers.enumerated() {
        let size = sizes[number / network.directions][keyPath: row]
        buffer.zero(batch * size.units)
        for row in 0..<batch {
          (buffer.base + row * size.units).update(
            from: states.state(values, layer: number, stream: carried.streams[row]), count: size.width)
        }
      }
    }
  }

  /// Streams stand where their rows ended.
  func keepFinalState(_ request: Model.Request, _ carried: Model.Carried) {
    let states = carried.states
    for index in 0..<network.layers {
      for direction in 0..<network.directions {
        let (number, size) = (index * network.directions + direction, sizes[index])
        for row in 0..<request.batch {
          let last = direction == 0 ? request.rows.end(row) : row
          let h = output(of: index) + direction * size.units + last * size.stride
          states.state(states.hidden, layer: number, stream: carried.streams[row])
            .update(from: h, count: size.width)
          guard !states.cell.isEmpty else { continue }
          states.state(states.cell, layer: number, stream: carried.streams[row])
            .update(
              from: layers[index][direction].cellStates + last * size.cellUnits, count: size.hidden)
        }
      }
    }
  }
}
