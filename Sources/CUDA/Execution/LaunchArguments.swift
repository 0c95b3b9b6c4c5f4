import CCUDA

extension StepProgram.KernelLaunch {
  /// Hands over pointers to the arguments' values, and their sizes in bytes.
  public func withArguments<Result>(
    _ address: (StepProgram.Region) -> UInt64,
    _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, [Int]) -> Result
  ) -> Result {
    let values = arguments.map { $0.value(address) }
    let words = values.reduce(0) { $0 + $1.words.count }
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(words, 1)) { storage in
      var pointers: [UnsafeMutableRawPointer?] = []
      var next = storage.baseAddress!
      for value in values {
        pointers.append(UnsafeMutableRawPointer(next))
        for word in value.words {
          next.initialize(to: word)
          next += 1
        }
      }
      return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!, values.map(\.size)) }
    }
  }
}

extension StepProgram.Argument {
  /// Its bits, lowest first, and how many bytes of them count.
  fileprivate func value(_ address: (StepProgram.Region) -> UInt64) -> (words: [UInt64], size: Int) {
    switch self {
    case .region(let region): ([region.map(address) ?? 0], 8)
    case .int(let value): ([UInt64(UInt32(bitPattern: value))], 4)
    case .long(let value): ([UInt64(bitPattern: value)], 8)
    case .unsigned(let value): ([UInt64(value)], 4)
    case .unsignedLong(let value): ([value], 8)
    case .float(let value): ([UInt64(value.bitPattern)], 4)
    case .structure(let words): (words, 8 * words.count)
    }
  }
}

extension StepProgram.KernelLaunch.Together {
  /// Hands over what cuLaunchKernelEx is to be told.
  func withAttributes<Result>(_ body: (UnsafeMutableBufferPointer<ccuda_launch_attribute>) -> Result)
    -> Result
  {
    let (cooperative, clusterDimension): (UInt32, UInt32) = (2, 4)
    var attribute = ccuda_launch_attribute()
    switch self {
    case .nobody: return body(.init(start: nil, count: 0))
    case .grid:
      attribute.id = cooperative
      attribute.value.0 = 1
    case .cluster(let count):
      attribute.id = clusterDimension
      (attribute.value.0, attribute.value.1, attribute.value.2) = (UInt32(count), 1, 1)
    }
    return withUnsafeMutablePointer(to: &attribute) { body(.init(start: $0, count: 1)) }
  }
}
