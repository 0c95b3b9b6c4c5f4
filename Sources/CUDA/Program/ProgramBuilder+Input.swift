import Recurrent

/// What the first layer reads: numbers as they come, or the vectors of tokens, with dropout.
extension ProgramBuilder {
  /// Numbers of masks after any layer's.
  private static let (embeddingMask, inputMask): (UInt32, UInt32) = (0x4000_0000, 0x7000_0000)

  private var dropsInput: Bool { network.inputDropout > 0 && trains }

  /// `[T, B, width]`
  var networkInput: Region {
    mutating get {
      if dropsInput { return buffer("dropped_inputs", room * network.inputWidth) }
      return network.embedding == nil ? place(.inputs) : vectors
    }
  }

  private var vectors: Region {
    mutating get { buffer("vectors", room * network.inputWidth) }
  }

  mutating func writeNetworkInput() {
    let rows = steps * batch
    if let embedding = network.embedding {
      each(
        rows * embedding.width,
        .embed(
          weight: embeddingWeight, tokens: place(.tokens), y: vectors, rows: rows, width: embedding.width))
      dropVectors(vectors, embedding)
    }
    if dropsInput { dropInput(network.embedding == nil ? place(.inputs) : vectors, to: networkInput) }
  }

  /// From the gradient of what the first layer read to that of the embedding.
  mutating func backwardInput(_ dInput: Region) {
    guard let embedding = network.embedding else { return }
    if dropsInput { dropInput(dInput, to: dInput) }
    dropVectors(dInput, embedding)
    let threads = 128
    operations.append(
      .launch(
        StepProgram.KernelLaunch(
          call: .embedBackward(
            dy: dInput, tokens: place(.tokens), gradient: gradient(embeddingStart), rows: steps * batch,
            width: embedding.width),
          grid: (steps * batch, (embedding.width + 31) / 32), threads: threads, shared: 3 * threads * 4)))
  }

  private var embeddingStart: Int { layout["embedding.weight"]!.range.lowerBound }
  private var embeddingWeight: Region { parameter(embeddingStart) }

  private mutating func dropVectors(_ x: Region, _ embedding: Network.Embedding) {
    guard embedding.dropout > 0, trains else { return }
    dropout(
      x, to: x, layer: Self.embeddingMask, embedding.dropout, steps: steps, blocks: 1, width: embedding.width)
  }

  private mutating func dropInput(_ x: Region, to y: Region) {
    dropout(
      x, to: y, layer: Self.inputMask, network.inputDropout, steps: steps, blocks: 1,
      width: network.inputWidth, isLocked: network.lockedDropout)
  }
}
