extension StepProgram.Launch {
  /// Hands over pointers to the arguments' values, and their sizes in bytes.
  public func withArguments<Result>(
    _ address: (StepProgram.Region) -> UInt64,
    _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, [Int]) -> Result
  ) -> Result {
    let values = arguments.map { $0.value(address) }
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(values.count, 1)) { storage in
      var pointers: [UnsafeMutableRawPointer?] = []
      for (index, value) in values.enumerated() {
        storage[index] = value.bits
        pointers.append(UnsafeMutableRawPointer(storage.baseAddress! + index))
      }
      return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!, values.map(\.size)) }
    }
  }
}

extension StepProgram.Argument {
  /// Its bits, lowest first, and how many bytes of them count.
  fileprivate func value(_ address: (StepProgram.Region) -> UInt64) -> (bits: UInt64, size: Int) {
    switch self {
    case .region(let region): (region.map(address) ?? 0, 8)
    case .int(let value): (UInt64(UInt32(bitPattern: value)), 4)
    case .long(let value): (UInt64(bitPattern: value), 8)
    case .unsigned(let value): (UInt64(value), 4)
    case .unsignedLong(let value): (value, 8)
    case .float(let value): (UInt64(value.bitPattern), 4)
    }
  }
}
