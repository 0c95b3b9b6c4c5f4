import Diagnostics

/// What a network takes for messages: a time for each (α), and one for each byte (β).
package struct NetworkCost: Sendable, Equatable {
  /// Seconds from the call to the message's arrival, without its bytes.
  package var latency: Double
  /// Of one machine's link, in each direction.
  package var secondsPerByte: Double
  /// How many times longer bytes take where all machines send at once.
  package var congestion = 1.0
  /// How many bytes of the link a byte of a message takes: 1 where the time for a byte was measured of messages.
  package var framing = 1.0
  /// Ethernet's, IP's and TCP's heads, of frames of 1,500 bytes: 1,448 of 1,538 are a message's.
  private static let frames = 1538.0 / 1448

  package init(latency: Double, secondsPerByte: Double, congestion: Double = 1) {
    (self.latency, self.secondsPerByte, self.congestion) = (latency, secondsPerByte, congestion)
  }

  /// Reads a rate and a latency, such as `10Gbit,50us`.
  package init(_ text: String) throws(Failure) {
    let parts = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    let rates = [("kbit", 1e3), ("Mbit", 1e6), ("Gbit", 1e9), ("Tbit", 1e12)]
    let times = [("us", 1e-6), ("ms", 1e-3)]
    guard parts.count == 2, let rate = Self.number(parts[0], rates), let time = Self.number(parts[1], times)
    else {
      throw .usage(
        "--network: `\(text)` is not a rate and a latency; write 10Gbit,50us (kbit, Mbit, Gbit or Tbit a second; us or ms)"
      )
    }
    self.init(latency: time, secondsPerByte: 8 / rate)
    framing = Self.frames
  }

  private static func number(_ text: String, _ units: [(String, Double)]) -> Double? {
    guard let unit = units.first(where: { text.utf8.suffix($0.0.utf8.count).elementsEqual($0.0.utf8) }),
      let value = Double(String(Substring(text.utf8.dropLast(unit.0.utf8.count)))), value.isFinite, value > 0
    else { return nil }
    return value * unit.1
  }

  /// For so many bytes of a machine, where others send as well.
  func seconds(_ bytes: Double) -> Double { bytes * secondsPerByte * framing * congestion }
}
