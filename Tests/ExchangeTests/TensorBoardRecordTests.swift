import Exchange
import TestSupport
import Testing

/// Records of an event file: what is written is read back, and what is damaged ends it.
@Suite(.tags(.fast)) struct TensorBoardRecordTests {
  @Test func `checks are those of RFC 3720`() {
    // Appendix B.4, and the check of the nine digits that catalogues of CRCs give.
    #expect(CRC32C.of(Array("123456789".utf8)[...]) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)[...]) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)[...]) == 0x62A8_AB43)
    #expect(CRC32C.of((0..<32).map { UInt8($0) }[...]) == 0x46DD_794E)
  }

  private let events: [TensorBoardEvent] = [
    .init(time: 1, step: 0, .version), .init(time: 1, step: 0, .start),
    .init(time: 2, step: 7, .value(tag: "epoch/loss", .scalar(0.5))),
    .init(time: 3, step: 300, .value(tag: "weights", .histogram(.init([-1, 0, 2])))),
    .init(time: 4, step: 1 << 40, .value(tag: "picture", .png([1, 2, 3], width: 4, height: 5))),
  ]

  @Test func `what is written is read back`() throws {
    let bytes = events.flatMap(\.record)
    let records = EventRecord.records(in: bytes)
    #expect(records.map(\.whole.count) == events.map(\.record.count))
    let read = try records.map { try #require(EventSummary(bytes[$0.content])) }
    #expect(read.map(\.step) == [0, 0, 7, 300, 1 << 40])
    #expect(read.map(\.tags) == [[], [], ["epoch/loss"], ["weights"], ["picture"]])
    #expect(read.map(\.isScalar) == [false, false, true, false, false])
  }

  @Test func `a file that is cut or damaged anywhere keeps what stands before`() {
    let bytes = events.flatMap(\.record)
    let ends = events.indices.map { events[...$0].map(\.record.count).reduce(0, +) }
    for count in 0...bytes.count {
      let whole = EventRecord.records(in: Array(bytes[..<count]))
      #expect(whole.count == ends.count { $0 <= count }, "\(count)")
    }
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1
      #expect(EventRecord.records(in: damaged).count == ends.count { $0 <= index }, "\(index)")
    }
    // A length that reaches beyond all memory.
    let head = [UInt8](repeating: 0xFF, count: 16)
    #expect(EventRecord.records(in: head).isEmpty)
  }

  @Test func `bytes that are no message are none`() {
    for bytes: [UInt8] in [[0x08], [0x0A, 5, 1], [0x0F, 0], [0x80, 0x80, 0x80], [0x09, 1, 2]] {
      #expect(EventSummary(bytes[...]) == nil, "\(bytes)")
    }
    #expect(EventSummary(([UInt8]())[...])?.step == 0)
  }

  @Test func `what is not finite is in no bucket`() {
    #expect(TensorBoardHistogram([1, .nan, .infinity, 0, -3e38] as [Float]).count == 3)
  }
}
