import Diagnostics
import Files

/// A safetensors file of any program: its header is checked whole, a tensor's values where they are taken, one tensor at a time.
final class WeightsFile {
  let path: String
  /// In the order of their bytes.
  let tensors: [SafetensorsHeader.TensorEntry]
  let metadata: [(key: String, value: String)]
  private let file: OpenFile
  /// Where the tensors begin.
  private let start: Int

  /// Opens what a person named. Throws `missingInput`, `inputOutput` or `badData` with one line that names file and place.
  init(reading path: String, _ fileSystem: FileSystem) throws(Failure) {
    self.path = path
    file = try fileSystem.open(reading: path)
    let size = try file.size()
    do throws(Failure) {
      try WeightsFile.refusePickle(file, path)
      let head = try SafetensorsHeader.head(of: file, size: size, "safetensors file")
      defer { withExtendedLifetime(head) {} }
      let text = UnsafeRawBufferPointer(rebasing: head.bytes[8...])
      let header = try SafetensorsHeader(parsing: text, payload: size - head.bytes.count)
      (tensors, metadata) = (header.tensors, header.metadata)
      start = head.bytes.count
    } catch {
      throw error.located(at: path)
    }
  }

  /// The values as float32, in C order. Throws where the type holds no such numbers, or a value is not finite.
  func values(of tensor: SafetensorsHeader.TensorEntry) throws(Failure) -> [Float] {
    do throws(Failure) {
      guard let type = FloatType(rawValue: tensor.type) else {
        throw .badData(
          "tensor \(tensor.name) has type \(tensor.type); weights are F16, BF16, F32 or F64")
      }
      let bytes = try AlignedBytes(count: tensor.range.count)
      defer { withExtendedLifetime(bytes) {} }
      try file.seek(to: start + tensor.range.lowerBound)
      guard try file.read(into: bytes.bytes) == bytes.bytes.count else {
        throw .badData("it became shorter while it was read")
      }
      let values = type.floats(UnsafeRawBufferPointer(bytes.bytes))
      if let index = values.firstIndex(where: { !$0.isFinite }) {
        throw .badData(
          "tensor \(tensor.name) holds \(type.word(UnsafeRawBufferPointer(bytes.bytes), index)) at element \(index); weights must be finite float32 numbers"
        )
      }
      return values
    } catch {
      throw error.located(at: path)
    }
  }

  /// A pickle begins with 80 and its protocol; so does the length of a safetensors header of 128 bytes, 384 and so on, after which the header
  /// opens.
  private static func isPickle(_ start: ArraySlice<UInt8>) -> Bool {
    let isHeader = start.count > 8 && start[4..<8].allSatisfy { $0 == 0 } && start[8] == UInt8(ascii: "{")
    return !isHeader && start.starts(with: [0x80]) && start.count > 1 && start[1] <= 5
  }

  /// What `torch.save` writes is a program for Python: it is not read.
  private static func refusePickle(_ file: OpenFile, _ path: String) throws(Failure) {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = try bytes.withUnsafeMutableBufferPointer { bytes throws(Failure) in
      try file.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    try file.seek(to: 0)
    let start = bytes.prefix(count)
    let isZip = start.starts(with: [0x50, 0x4B, 3, 4])
    if isZip, start.dropFirst(30).contains(Array(".npy".utf8)) {
      throw .badData("it is an archive of NumPy; write its arrays by safetensors.numpy.save_file")
    }
    guard isZip || isPickle(start) else { return }
    let code =
      "import sys, torch; from safetensors.torch import save_file; "
      + "save_file({k: v.clone() for k, v in torch.load(sys.argv[1], weights_only=True).items()}, sys.argv[2])"
    let line = ShellWords.quoted(["python3", "-c", code, Paths.name(of: path), "model.safetensors"])
    throw .badData(
      "it is pickled (torch.save), and to read that would run whatever code is in it; convert it where you trust it: \(line)"
    )
  }
}
