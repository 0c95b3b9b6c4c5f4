import Diagnostics

/// The lines of an input one by one, each as soon as its end has come: what another program writes into a pipe.
///
/// LF, CR LF and CR end a line, as in `Lines`; what stands after the last one is a line if it is not empty.
package final class LineStream {
  /// The most bytes of a line.
  private static let longest = 64 << 20

  /// As a message shows it.
  package let name: String
  /// Of the line that `next` returned last, from 1.
  package private(set) var number = 0

  private let input: OpenInput
  private var held: [UInt8] = []
  /// Of the bytes held, where the next line begins.
  private var start = 0
  private var isEnded = false
  /// Whether a line feed would belong to the line end before it.
  private var followsReturn = false
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

  /// - key: the option that asked for it, for messages.
  package init(_ path: String, key: String) throws(Failure) {
    input = try OpenInput(path, key: key, allowsStream: true)
    name = input.name
  }

  deinit { room.deallocate() }

  /// The next line without its end; nil after the last. Waits for a line that is not complete.
  package func next() throws(Failure) -> [UInt8]? {
    var looked = start
    while true {
      if followsReturn, start < held.count {
        followsReturn = false
        if held[start] == newline { start += 1 }
        looked = start
      }
      if let end = held[looked...].firstIndex(where: { $0 == newline || $0 == carriageReturn }) {
        followsReturn = held[end] == carriageReturn
        defer { start = end + 1 }
        return line(end)
      }
      if isEnded { return start < held.count ? rest() : nil }
      looked = held.count - start
      held.removeFirst(start)
      start = 0
      guard held.count <= Self.longest else {
        throw .badData("\(name), line \(number + 1): is longer than the \(Self.longest) bytes it may have")
      }
      let count = try input.next(into: room, isFirst: number == 0 && held.isEmpty)
      isEnded = count == 0
      held += room[..<count]
    }
  }

  private func rest() -> [UInt8] {
    defer { start = held.count }
    return line(held.count)
  }

  /// The first line loses the byte order mark of UTF-8, which is no data.
  private func line(_ end: Int) -> [UInt8] {
    number += 1
    let bytes = held[start..<end]
    return Array(number == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes)
  }
}
