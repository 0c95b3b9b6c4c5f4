/// Gradients that leave the device layer by layer, while the layers below are computed.
extension DeviceModel {
  /// Memory for all gradients, which the executor can fill while it runs.
  public func gradientMemory() throws -> HostMemory { try executor.hostMemory(4 * parameterCount) }

  /// The last `compute` of a step: all gradients are copied to the host, those of each part as soon as they are final.
  /// - gradients: of `gradientMemory`.
  /// - isFinal: the gradients from this one to the last are there.
  public func compute(
    _ samples: Samples, into gradients: HostMemory, isFinal: (Int) throws -> Void
  ) throws {
    let (program, steps) = try load(samples)
    let parts = program.parts
    var reads: [Int] = []
    for (index, part) in parts.enumerated() {
      try executor.run(part.operations, key: ProgramKey(.part(index), batch: samples.count, steps: steps))
      reads.append(try startReading(part.gradients, into: gradients))
    }
    for (part, read) in zip(parts, reads) {
      try executor.finishRead(read)
      try isFinal(part.gradients.lowerBound)
    }
  }

  /// The gradients so far, to be added up with other processes' and put back with `setGradients`.
  public func readGradients(into gradients: HostMemory) throws {
    try executor.finishRead(try startReading(0..<parameterCount, into: gradients))
  }

  /// - gradients: must stay as they are until an `outcome` after this has been read.
  public func setGradients(_ gradients: HostMemory) throws {
    try executor.startWrite(UnsafeRawBufferPointer(gradients.bytes), to: place(.gradients))
  }

  private func startReading(_ range: Range<Int>, into gradients: HostMemory) throws -> Int {
    try executor.startRead(
      place(.gradients).advanced(range.lowerBound),
      into: .init(rebasing: gradients.bytes[4 * range.lowerBound..<4 * range.upperBound]))
  }
}
