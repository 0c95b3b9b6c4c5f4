/// Different byte strings, numbered as they first come. Looking one up takes no memory of its own.
package struct NameTable {
  private var bytes: [UInt8] = []
  /// Where each begins in `bytes`, and the end of the last.
  private var starts = [0]
  /// The number of a name at its hash, or after it; -1 where there is none. A power of two, at most three quarters full.
  private var slots = [Int32](repeating: -1, count: 16)

  package init() {}

  package var count: Int { starts.count - 1 }

  /// The bytes of a name.
  package subscript(number: Int) -> ArraySlice<UInt8> { bytes[starts[number]..<starts[number + 1]] }

  /// The number of these bytes, a new one where they are new.
  package mutating func insert(_ name: UnsafeBufferPointer<UInt8>) -> Int32 {
    var slot = firstSlot(name)
    while slots[slot] >= 0 {
      if isEqual(Int(slots[slot]), name) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = Int32(count)
    bytes.append(contentsOf: name)
    starts.append(bytes.count)
    slots[slot] = number
    if count * 4 > slots.count * 3 { grow() }
    return number
  }

  package mutating func insert(_ name: some Sequence<UInt8>) -> Int32 {
    Array(name).withUnsafeBufferPointer { insert($0) }
  }

  private func firstSlot(_ name: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    return hasher.finalize() & (slots.count - 1)
  }

  private func isEqual(_ number: Int, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let (start, end) = (starts[number], starts[number + 1])
    guard end - start == name.count else { return false }
    for (offset, byte) in name.enumerated() where bytes[start + offset] != byte { return false }
    return true
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: 2 * slots.count)
    bytes.withUnsafeBufferPointer { bytes in
      for number in 0..<count {
        let name = UnsafeBufferPointer(rebasing: bytes[starts[number]..<starts[number + 1]])
        var slot = firstSlot(name)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(number)
      }
    }
  }
}
