import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Files made to mislead or to crash a reader. They carry right checksums where they can, so that the rules
/// themselves must refuse them.
@Suite(.tags(.fast)) struct CheckpointAbuseTests {
  private func parse(_ text: String, payload: Int = 8) throws(Failure) -> SafetensorsHeader {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { bytes throws(Failure) in
      try SafetensorsHeader(parsing: UnsafeRawBufferPointer(bytes), payload: payload)
    }
  }

  private static func tensor(_ shape: String, _ offsets: String, type: String = "F32") -> String {
    "{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
  }
  private static let good = tensor("2", "0,8")

  @Test func whatTheFormatAllowsIsRead() throws {
    let scalar = try parse("{ \"a\" : \(Self.tensor("", "0,4")), \"b\":\(Self.tensor("1", "4,8"))}   ")
    #expect(scalar.tensors.map(\.shape) == [[], [1]])
    let empty = try parse("{\"a\":\(Self.tensor("0,5", "0,0")),\"b\":\(Self.good)}")
    #expect(empty.tensors.map(\.name) == ["a", "b"])
    let unordered = try parse("{\"b\":\(Self.tensor("1", "4,8")),\"a\":\(Self.tensor("1", "0,4"))}")
    #expect(unordered.tensors.map(\.name) == ["a", "b"])
    let half = try parse(
      "{\"a\":\(Self.tensor("4", "0,8", type: "BF16")),\"__metadata__\":{\"k\":\"\\u00fc\\ud834\\udd1e\"}}")
    #expect(half[metadata: "k"] == "ü𝄞")
    #expect(try parse("{}", payload: 0).tensors.isEmpty)
  }

  @Test(arguments: [
    ("", "begin"), (" {}", "begin"), ("[]", "begin"), ("{", "expected"), ("{\"a\"", "expected"),
    ("{\"a\":\(good),\"a\":\(good)}", "occurs twice"),
    ("{\"a\":\(good),\"\\u0061\":\(good)}", "occurs twice"),
    ("{\"__metadata__\":{},\"a\":\(good),\"__metadata__\":{}}", "occurs twice"),
    ("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\"a\":\(good)}", "occurs twice"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}", "occurs twice"),
    ("{\"__metadata__\":{\"k\":1},\"a\":\(good)}", "expected"),
    ("{\"a\":\(good)}x", "after the end"), ("{\"a\":\(good)}\u{0}", "after the end"),
    ("{\"a\":\(good),}", "expected"), ("{,\"a\":\(good)}", "expected"),
    ("{\"a\":\(tensor("1", "4,8"))}", "begins at byte 4"),
    ("{\"a\":\(tensor("1", "0,4"))}", "follow the header"),
    ("{\"a\":\(tensor("3", "0,12"))}", "follow the header"),
    ("{\"a\":\(tensor("2", "0,8")),\"b\":\(tensor("1", "4,8"))}", "begins at byte 4, not at 8"),
    ("{\"a\":\(tensor("2", "0,8")),\"b\":\(good)}", "begins at byte 0, not at 8"),
    ("{\"a\":\(tensor("2", "8,0"))}", "lacks"), ("{\"a\":\(tensor("2", "0"))}", "lacks"),
    ("{\"a\":\(tensor("2", "0,8,9"))}", "more than 2"), ("{\"a\":\(tensor("3", "0,8"))}", "takes 12 bytes"),
    ("{\"a\":\(tensor("-2", "0,8"))}", "whole number"), ("{\"a\":\(tensor("2.0", "0,8"))}", "expected"),
    ("{\"a\":\(tensor("2e0", "0,8"))}", "expected"), ("{\"a\":\(tensor("02", "0,8"))}", "leading zero"),
    ("{\"a\":\(tensor("9223372036854775808", "0,8"))}", "too large"),
    ("{\"a\":\(tensor("18446744073709551618", "0,8"))}", "too large"),
    ("{\"a\":\(tensor("4611686018427387904,4", "0,0"))}", "too large"),
    ("{\"a\":\(tensor("4611686018427387904,4,0", "0,0"))}", "too large"),
    ("{\"a\":\(tensor("2", "0,8", type: "F33"))}", "not known"),
    ("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "lacks"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":[]}}", "unknown key"),
    ("{\"a\":\(tensor(Array(repeating: "1", count: 65).joined(separator: ","), "0,4"))}", "more than 64"),
    ("{\"\\ud834\":\(good)}", "surrogate"), ("{\"\\udd1e\":\(good)}", "surrogate"),
    ("{\"\\x\":\(good)}", "escape"), ("{\"a\nb\":\(good)}", "control"),
    ("{\"\\u12g4\":\(good)}", "hexadecimal"),
  ])
  func whatItForbidsIsRefused(text: String, reason: String) {
    let error = #expect(throws: Failure.self) { try parse(text) }
    #expect(error?.kind == .badData && error!.message.contains(reason), "\(error!.message)")
  }

  @Test func textThatIsNotUnicodeIsRefused() {
    for bad: [UInt8] in [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82],
    ] {
      let bytes = Array("{\"".utf8) + bad + Array("\":\(Self.good)}".utf8)
      #expect(throws: Failure.self) {
        try bytes.withUnsafeBytes { try SafetensorsHeader(parsing: $0, payload: 8) }
      }
    }
  }

  /// RECUR_FUZZ asks for more of them.
  static let mutations = ProcessInfo.processInfo.environment["RECUR_FUZZ"].flatMap { Int($0) } ?? 100_000

  /// Whatever the text: a failure, or tensors that tile the payload.
  @Test func randomlyChangedHeadersAreRefusedOrConsistent() {
    let words = [
      "\"", "{", "}", "[", "]", ",", ":", "\\u", "9223372036854775807", "-", "0", "\u{0}", "__metadata__",
    ]
    let text =
      "{\"__metadata__\":{\"k\":\"v\"},\"a\":\(Self.tensor("1", "0,4")),\"b\":\(Self.tensor("1", "4,8"))}"
    var read = 0
    for _ in 0..<Self.mutations {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...3) {
        let start = Int.random(in: 0..<bytes.count)
        let end = min(bytes.count, start + .random(in: 0...4))
        bytes.replaceSubrange(
          start..<end, with: Bool.random() ? Array(words.randomElement()!.utf8) : [.random(in: 0...255)])
      }
      guard let header = try? bytes.withUnsafeBytes({ try SafetensorsHeader(parsing: $0, payload: 8) }) else {
        continue
      }
      read += 1
      #expect(header.payload == 8 && header.tensors.map(\.range.count).reduce(0, +) == 8)
    }
    #expect(read > 0 && read < Self.mutations)
  }

  /// A file with this state, signed as if this program had written it.
  private func signed(_ state: String, tensors: SampleTensors? = nil, checksums: Bool = true) throws -> String
  {
    var header = SafetensorsHeader()
    header.metadata = [("sha256", Checksums.blank), ("recur", state)]
    for tensor in tensors?.tensors ?? [] { try header.add(tensor.name, tensor.shape) }
    for tensor in tensors?.tensors ?? [] where checksums {
      header.metadata.append(("sha256.\(tensor.name)", parametersSHA256(tensor.values)))
    }
    var bytes = try header.encoded()
    Checksums.sign(&bytes)
    for tensor in tensors?.tensors ?? [] { bytes += Array(UnsafeRawBufferPointer(tensor.values)) }
    let path = NSTemporaryDirectory() + UUID().uuidString
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func message(_ path: String) -> String {
    defer { unlink(path) }
    do {
      _ = try CheckpointFile(reading: path)
      return "accepted"
    } catch {
      return error.kind == .badData ? error.message : "\(error.kind)"
    }
  }

  private static let state = """
    {"early_stopping":{"wait":0},"elapsed_seconds":1,"epoch":0,"epoch_losses":[],"extra":{},"format_version":1,\
    "kernel_family":"","metrics_bytes":0,"optimizer":{"name":"adam","t":1},"position":0,"program":"p","recipe":"",\
    "run_id":"r","seed":1,"step":1,"data_fingerprint":"","architecture":null,"scaler":null,"schedule":null,"metrics":null}
    """

  @Test func statesAreChecked() throws {
    #expect(message(try signed(Self.state)) == "accepted")
    func refused(_ old: String, _ new: String, _ reason: String) throws {
      try #require(Self.state.contains(old))
      let text = message(try signed(Self.state.replacingOccurrences(of: old, with: new)))
      #expect(text.contains(reason), "\(text)")
    }
    try refused("\"step\":1", "\"step\":1,\"step\":2", "occurs twice")
    try refused("\"extra\":{}", "\"extra\":{\"a\":{\"b\":1,\"b\":2}}", "occurs twice")
    try refused("\"step\":1", "\"step\":-1", "step is -1")
    try refused("\"step\":1", "\"step\":1e99", "state: ")
    try refused("\"format_version\":1", "\"format_version\":2", "its format is 2")
    try refused("\"seed\":1,", "", "seed is missing")
    try refused("\"extra\":{}", "\"extra\":{\"a\":" + String(repeating: "[", count: 100_000), "deep")
    try refused("\"seed\":1,", "\"seed\":\"1\",", "seed has the wrong type")
    #expect(message(try signed("")).contains("expected"))
  }

  @Test func tensorsAreChecked() throws {
    let tensors = SampleTensors(scale: 1)
    #expect(message(try signed(Self.state, tensors: tensors)) == "accepted")
    #expect(message(try signed(Self.state, tensors: tensors, checksums: false)).contains("checksum"))
    tensors[1, 1] = .nan
    #expect(
      message(try signed(Self.state, tensors: tensors)).contains("fc.bias holds values that are not finite"))
  }

  @Test(arguments: [UInt64.max, 1 << 63, 100_000_001, 1 << 40, 57, 0, 1])
  func headersThatClaimTooMuchTakeNoMemory(length: UInt64) throws {
    let path = NSTemporaryDirectory() + UUID().uuidString
    let bytes =
      withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array("{}".utf8)
      + [UInt8](repeating: 32, count: 54)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(message(path).contains("header"))
  }

  @Test func hugeFilesOfOthersAreRefusedByTheirHeader() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString
    let header = Array("{\"a\":\(Self.tensor("268435456,1024", "0,1099511627776"))}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try Data(length + header).write(to: URL(fileURLWithPath: path))
    truncate(path, off_t(8 + header.count + 1 << 40))
    #expect(message(path).contains("not a checkpoint of this program"))
  }
}
