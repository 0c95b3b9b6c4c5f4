import Diagnostics
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file system of simulated processes: real files, calls that take virtual time, and no effect of what is gone.
enum SimulatedDisk {
  static func fileSystem(_ process: SimulatedProcess) -> FileSystem {
    FileSystem(
      injector: { call, path in fault(process, call, path) },
      writer: { () throws(Failure) -> Worker in Worker(SimulatedQueue(process)) })
  }

  private static func fault(_ process: SimulatedProcess, _ call: FileSystem.SystemCall, _ path: String)
    -> FileSystem.Fault?
  {
    // What the system does for a process that is gone.
    if call == .close { return nil }
    let changes = [.write, .synchronize, .rename, .truncate, .link, .makeDirectory, .remove].contains(call)
    if process.isGone { return .error(EIO) }
    var time = process.scheduler.dice.time(.microseconds(1)...(.microseconds(50)))
    if changes { time += process.diskDelay }
    process.fileCalls += 1
    defer { process.fileCalls -= 1 }
    do { try process.pass(time) } catch { return .error(EIO) }
    if let error = process.diskError, changes { return .error(error) }
    return nil
  }
}

/// What a simulated process writes its checkpoints by: a thread for each.
private final class SimulatedQueue: WorkQueue, @unchecked Sendable {
  private let process: SimulatedProcess
  private var waiting: [@Sendable () -> Void] = []
  private var isBusy = false
  private var waiter: Scheduler.Fiber?

  init(_ process: SimulatedProcess) { self.process = process }

  func put(_ work: @escaping @Sendable () -> Void) {
    waiting.append(work)
    guard !isBusy else { return }
    isBusy = true
    _ = process.start("writer") { [self] in serve() }
  }

  private func serve() {
    while !waiting.isEmpty { waiting.removeFirst()() }
    isBusy = false
    if let waiter { process.scheduler.wake(waiter) }
  }

  func close() {}

  /// Also of a process that is gone: the thread that works for it unwinds first.
  func waitUntilDone() {
    while isBusy {
      waiter = process.scheduler.current
      process.scheduler.block()
    }
    waiter = nil
  }
}
