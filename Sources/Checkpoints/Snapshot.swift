import Diagnostics
import Digests

/// A copy of tensors and state as they were at the end of a step: what a file is written from.
///
/// Its memory is kept and used again by the next snapshot of the same tensors. One thread at a time uses it.
final class Snapshot: @unchecked Sendable {
  private(set) var state: CheckpointState?
  /// Names, shapes and places of the tensors; no metadata.
  private(set) var layout = SafetensorsHeader()
  private var storage = AlignedBytes.none

  var payload: UnsafeRawBufferPointer { UnsafeRawBufferPointer(storage.bytes) }

  /// What was captured; valid until the next capture.
  var tensors: [NamedTensor] {
    layout.tensors.map { tensor in
      let bytes = UnsafeRawBufferPointer(rebasing: payload[tensor.range])
      return NamedTensor(
        name: tensor.name, shape: tensor.shape, values: bytes.assumingMemoryBound(to: Float.self))
    }
  }

  /// Nothing is captured any more. The memory is kept for the next time.
  func forget() { state = nil }

  /// Copies. Throws `badData` that names the tensor where a value is not finite; then it must not be written.
  func capture(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
    self.state = nil
    if !matches(tensors) { try allocate(for: tensors) }
    for (tensor, place) in zip(tensors, layout.tensors) {
      guard let source = tensor.values.baseAddress else { continue }
      let target = (storage.bytes.baseAddress! + place.range.lowerBound).assumingMemoryBound(to: Float.self)
      if !copyFinite(UnsafeBufferPointer(start: source, count: tensor.values.count), to: target) {
        let index = tensor.values.firstIndex { !$0.isFinite }!
        throw .badData("\(tensor.name) holds \(tensor.values[index]) at element \(index); nothing was saved")
      }
    }
    self.state = state
  }

  private func matches(_ tensors: [NamedTensor]) -> Bool {
    tensors.count == layout.tensors.count
      && zip(tensors, layout.tensors).allSatisfy {
        $0.name.hasSameBytes(as: $1.name) && $0.shape == $1.shape && 4 * $0.values.count == $1.range.count
      }
  }

  private func allocate(for tensors: [NamedTensor]) throws(Failure) {
    var layout = SafetensorsHeader()
    var names: Set<Name> = []
    for tensor in tensors {
      try layout.add(tensor.name, tensor.shape)
      guard names.insert(Name(tensor.name)).inserted,
        layout.tensors.last!.range.count == 4 * tensor.values.count
      else {
        throw Failure(
          .internalError, "tensor \(tensor.name) is given twice, or its values do not fit its shape")
      }
    }
    storage = try AlignedBytes(count: layout.payload)
    self.layout = layout
  }

  /// Length and header of the file, checksums included.
  func head() throws(Failure) -> [UInt8] {
    guard let state else { preconditionFailure("nothing was captured") }
    var header = layout
    header.metadata = [
      ("sha256", Checksums.blank), ("format", "pt"), (Checksums.stateKey, JSON.text(of: state)),
    ]
    defer { withExtendedLifetime(self) {} }
    for tensor in layout.tensors {
      let digest = SHA256.hash(UnsafeRawBufferPointer(rebasing: payload[tensor.range]))
      header.metadata.append((Checksums.key(of: tensor.name), digest.hexadecimal))
    }
    var head = try header.encoded()
    Checksums.sign(&head)
    return head
  }
}
