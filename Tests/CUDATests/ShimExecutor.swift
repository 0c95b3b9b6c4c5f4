import CUDA
import CUDAShim
import Collective
import Diagnostics
import Foundation

/// Runs programs on the processor: the kernels' own source, each GPU thread a fiber.
///
/// Memory that a program has to fill itself starts as NaN, and every buffer lies between guards that no kernel may touch.
final class ShimExecutor: GroupExecutor {
  let name = "kernels on the processor"
  /// The schedule's seed; 0 runs threads in their natural order.
  private var seed: UInt64
  /// The site a bug is planted at.
  var planted: Int?
  var precision: DevicePrecision
  var traits: DeviceTraits
  /// What other ranks are told, and the ranks that have joined.
  var membership: GroupMembership?
  private let ranks: (any Communicator)?
  private(set) var joined: [UInt8] = []
  /// Treats all operations as if they needed nothing from one another.
  var mixesAll = false
  /// Kernels that ran, and the sites they passed with what is there.
  private(set) var kernels: Set<String> = []
  private(set) var launches = 0
  private(set) var recurrences = 0
  private(set) var sites: [Int: String] = [:]

  /// What was asked for, in order; copies are numbered from 1.
  enum Event: Equatable {
    case run(ProgramKey.Stage)
    case read(offset: Int, bytes: Int)
    case finished(Int)
  }
  var log: [Event] = []
  private var reads = 0

  private static let guardBytes = 256
  private static let guardByte: UInt8 = 0xa5
  private var buffers: [UnsafeMutableRawBufferPointer] = []

  /// - ranks: adds up for devices that join.
  init(seed: UInt64 = 0, precision: DevicePrecision = .fp32, ranks: (any Communicator)? = nil) {
    self.ranks = ranks
    self.seed = seed
    self.precision = precision
    traits = DeviceTraits()
    traits.identity = name
    traits.multiprocessors = 4
    traits.sharedMemory = 227 << 10
  }

  deinit { for buffer in buffers { buffer.deallocate() } }

  func allocate(_ program: [StepProgram.Buffer]) {
    for buffer in buffers { buffer.deallocate() }
    buffers = program.enumerated().map { index, buffer in
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: buffer.bytes + 2 * Self.guardBytes, alignment: 256)
      memory.initializeMemory(as: UInt8.self, repeating: Self.guardByte)
      let isPlace = index < StepProgram.HostBuffer.allCases.count
      memset(memory.baseAddress! + Self.guardBytes, isPlace ? 0 : 0xff, buffer.bytes)
      return memory
    }
  }

  private func address(_ region: StepProgram.Region) -> UnsafeMutableRawPointer {
    buffers[region.buffer].baseAddress! + Self.guardBytes + region.offset
  }

  func write(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) {
    UnsafeMutableRawBufferPointer(start: address(region), count: bytes.count).copyMemory(from: bytes)
  }

  func read(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) {
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: address(region), count: bytes.count))
  }

  func hostMemory(_ bytes: Int) -> HostMemory {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0xff)
    return HostMemory(memory) { memory.deallocate() }
  }

  /// Copies at once, as the fastest copy would: what is not final yet shows.
  func startRead(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) -> Int {
    read(region, into: bytes)
    log.append(.read(offset: region.offset, bytes: bytes.count))
    reads += 1
    return reads
  }

  func finishRead(_ read: Int) { log.append(.finished(read)) }

  func startWrite(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) { write(bytes, to: region) }

  func run(_ operations: [StepProgram.Operation], key: ProgramKey) throws {
    log.append(.run(key.part))
    if mixesAll { try interleave(operations.map { [$0] }) } else { try run(operations) }
    try checkGuards()
  }

  private func run(_ operations: [StepProgram.Operation]) throws {
    for operation in operations {
      switch operation {
      case .zero(let region, let bytes):
        memset(address(region), 0, bytes)
      case .product(let product): try launch(product.launch(precision))
      case .launch(let launch): try self.launch(launch)
      case .recurrence(let recurrence): compute(recurrence)
      case .sum(let sums): try add(sums)
      case .parallel(let branches):
        try interleave(branches)
      }
    }
  }

  private func compute(_ r: StepProgram.Recurrence) {
    func floats(_ region: StepProgram.Region) -> UnsafeMutablePointer<Float> {
      address(region).assumingMemoryBound(to: Float.self)
    }
    let layer = ReferenceRecurrence(r.shape)
    recurrences += 1
    if r.pass != .backward { return layer.forward(floats(r.parameters), floats(r.input), floats(r.output)) }
    layer.backward(
      floats(r.parameters), floats(r.input), dOutput: floats(r.dOutput!), dInput: floats(r.dInput!),
      gradients: floats(r.gradients!))
  }

  func invitation() -> [UInt8] { [UInt8](7..<135) }

  func join(_ invitation: [UInt8], rank: Int, size: Int) throws {
    guard rank == ranks?.rank, size == ranks?.size else {
      throw Failure(.internalError, "rank \(rank) of \(size) is not this one")
    }
    joined = invitation
  }

  private func add(_ sums: [StepProgram.Sum]) throws {
    guard let ranks, !joined.isEmpty else { throw Failure(.internalError, "no rank has joined") }
    for sum in sums {
      switch sum.kind {
      case .float:
        let start = address(sum.region).assumingMemoryBound(to: Float.self)
        try ranks.allReduceSum(UnsafeMutableBufferPointer(start: start, count: sum.count))
      case .double:
        let start = address(sum.region).assumingMemoryBound(to: Double.self)
        try ranks.allReduceSum(UnsafeMutableBufferPointer(start: start, count: sum.count))
      }
    }
  }

  /// Lists that are said to need nothing from one another, their operations mixed at random.
  private func interleave(_ branches: [[StepProgram.Operation]]) throws {
    var left = branches.map { $0[...] }
    while true {
      let open = left.indices.filter { !left[$0].isEmpty }
      guard let first = open.first else { return }
      advance()
      let choice = seed == 0 ? first : open[Int(seed >> 33) % open.count]
      try run([left[choice].removeFirst()])
    }
  }

  /// The schedule's next random number; 0 stays 0.
  private func advance() {
    seed = seed == 0 ? 0 : seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
  }

  private func launch(_ launch: StepProgram.KernelLaunch) throws {
    advance()
    var shape = shim_launch_shape(
      grid_x: Int32(launch.grid.x), grid_y: Int32(launch.grid.y), threads: Int32(launch.threads),
      shared: launch.shared, seed: seed, together: Int32(try together(launch)), planted: Int32(planted ?? -1))
    let name = launch.kernel + (launch.shape.map { "[\($0.definition)]" } ?? "")
    kernels.insert(name)
    launches += 1
    func number(_ region: StepProgram.Region) -> UInt64 { UInt64(UInt(bitPattern: address(region))) }
    let problem = launch.withArguments(number) { arguments, sizes in
      shim_launch(name, &shape, arguments, sizes, Int32(sizes.count))
    }
    for site in 0..<SHIM_SITES {
      if let kind = shim_site(Int32(site)) { sites[site] = String(cString: kind) }
    }
    if let problem { throw Failure(.internalError, String(cString: problem)) }
  }

  /// Blocks that run at the same time.
  private func together(_ launch: StepProgram.KernelLaunch) throws -> Int {
    switch launch.together {
    case .nobody: return 1
    case .cluster(let count): return count
    case .grid:
      let blocks = launch.grid.x * launch.grid.y
      guard blocks <= traits.multiprocessors else {
        throw Failure(.internalError, "\(launch.kernel): \(blocks) blocks don't fit on the device at once")
      }
      return blocks
    }
  }

  private func checkGuards() throws {
    for (index, buffer) in buffers.enumerated() {
      let ends = [buffer[..<Self.guardBytes], buffer[(buffer.count - Self.guardBytes)...]]
      guard ends.allSatisfy({ $0.allSatisfy { $0 == Self.guardByte } }) else {
        throw Failure(.internalError, "buffer \(index) was written outside of its bounds")
      }
    }
  }
}
