import Collective
import FoundationEssentials

/// The way from the first worker to a dedicated coordinator: messages with or without tensors, sent while training goes on.
///
/// Both ends make one, with the same tensors. A message is copied and then on its way by itself; the next one waits until the
/// coordinator has taken it, so that at most one is ahead of it.
final class CoordinatorLink {
  private let group: any Communicator
  private let stops: any Communicator
  private let tensors: [UnsafeMutableBufferPointer<Float>]
  // Bytes of JSON, bytes of tensors.
  private let header = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 2)
  private var payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
  private let stopByte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
  private var pending: [any PendingCall] = []
  private var pendingStop: (any PendingCall)?
  private static let (coordinator, worker) = (0, 1)

  /// - group: coordinator and first worker, in this order. stops: the same two, for calls the other way.
  init(
    _ group: any Communicator, stops: any Communicator, tensors: [UnsafeMutableBufferPointer<Float>]
  ) throws {
    self.group = group
    self.stops = stops
    self.tensors = tensors
    stopByte[0] = 0
    if group.rank == Self.worker {
      pendingStop = try stops.startBroadcast(stopByte, from: Self.coordinator)
    }
  }

  deinit {
    header.deallocate()
    payload.deallocate()
    stopByte.deallocate()
  }

  private func reserve(_ count: Int) {
    guard payload.count < count else { return }
    payload.deallocate()
    payload = .allocate(byteCount: count, alignment: 64)
  }
}

/// The worker's end.
extension CoordinatorLink {
  /// Whether the coordinator has taken all that was sent.
  func isIdle() throws -> Bool {
    while let first = pending.first {
      guard try first.advance() else { return false }
      pending.removeFirst()
    }
    return true
  }

  /// Whether the coordinator was asked to stop. Cheap enough for every step.
  func stopWanted() throws -> Bool { try pendingStop?.advance() == true && stopByte[0] != 0 }

  func send(_ message: WorkerMessage, withTensors: Bool) throws {
    for call in pending { try call.wait() }
    pending.removeAll()
    let json = try JSON.encoder().encode(message)
    let size = withTensors ? tensors.map { 4 * $0.count }.reduce(0, +) : 0
    reserve(json.count + size)
    json.withUnsafeBytes { payload.copyMemory(from: $0) }
    var position = json.count
    for tensor in withTensors ? tensors : [] {
      UnsafeMutableRawBufferPointer(rebasing: payload[position...]).copyMemory(from: .init(tensor))
      position += 4 * tensor.count
    }
    header[0] = Int64(json.count)
    header[1] = Int64(size)
    pending = [
      try group.startBroadcast(.init(header), from: Self.worker),
      try group.startBroadcast(.init(rebasing: payload[..<position]), from: Self.worker),
    ]
  }

  /// Waits until all is taken. Nothing may be sent afterwards.
  func finish() throws {
    for call in pending { try call.wait() }
    try pendingStop?.wait()
  }
}

/// The coordinator's end.
extension CoordinatorLink {
  /// Waits for the next message; its tensors are in place then.
  /// - meanwhile: is called now and then.
  func receive(_ meanwhile: () throws -> Void) throws -> WorkerMessage {
    try group.startBroadcast(.init(header), from: Self.worker).wait(pausing: 500, meanwhile)
    let (json, size) = (Int(header[0]), Int(header[1]))
    reserve(json + size)
    try group.startBroadcast(.init(rebasing: payload[..<(json + size)]), from: Self.worker).wait()
    var position = json
    for tensor in size > 0 ? tensors : [] {
      let end = position + 4 * tensor.count
      UnsafeMutableRawBufferPointer(tensor).copyMemory(from: .init(rebasing: payload[position..<end]))
      position = end
    }
    return try JSON.decoder().decode(WorkerMessage.self, from: Data(payload[..<json]))
  }

  /// Tells the worker whether to stop. Once in a run.
  func sendStop(_ wanted: Bool) throws {
    guard pendingStop == nil else { return }
    stopByte[0] = wanted ? 1 : 0
    pendingStop = try stops.startBroadcast(stopByte, from: Self.coordinator)
  }
}
