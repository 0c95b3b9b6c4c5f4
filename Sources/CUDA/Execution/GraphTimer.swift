import CCUDA
import Diagnostics

/// Times work as it will run: in a graph.
final class GraphTimer {
  private let driver: Driver
  private let stream: UnsafeMutableRawPointer

  init(_ driver: Driver) throws(Failure) {
    var stream: UnsafeMutableRawPointer?
    let nonBlocking: UInt32 = 1
    try driver.check(driver.functions.cuStreamCreate(&stream, nonBlocking), "making a stream")
    self.driver = driver
    self.stream = stream!
  }

  deinit { _ = driver.functions.cuStreamDestroy_v2(stream) }

  /// Zeros to work on.
  func zeros(_ count: Int) throws(Failure) -> DeviceBlock {
    let block = try DeviceBlock(4 * count, driver)
    try driver.check(
      driver.functions.cuMemsetD8Async(block.address, 0, 4 * count, stream), "clearing memory")
    return block
  }

  /// The shortest of five.
  func milliseconds(_ work: (UnsafeMutableRawPointer) throws(Failure) -> Void) throws(Failure) -> Double {
    let f = driver.functions
    try work(stream)
    try wait()
    let graph = try driver.captured(on: stream) { () throws(Failure) in try work(stream) }
    defer { _ = f.cuGraphExecDestroy(graph) }
    var shortest = Double.infinity
    for _ in 0..<6 {
      let start = ContinuousClock.now
      try driver.check(f.cuGraphLaunch(graph, stream), "starting a graph")
      try wait()
      shortest = min(shortest, (ContinuousClock.now - start) / .milliseconds(1))
    }
    return shortest
  }

  private func wait() throws(Failure) {
    try driver.check(driver.functions.cuStreamSynchronize(stream), "waiting for the GPU")
  }
}

extension Driver {
  /// What `issue` gives to the stream, as a graph.
  func captured(on stream: UnsafeMutableRawPointer, _ issue: () throws(Failure) -> Void) throws(Failure)
    -> UnsafeMutableRawPointer
  {
    var (graph, executable): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (nil, nil)
    let threadLocal: Int32 = 1
    try check(functions.cuStreamBeginCapture_v2(stream, threadLocal), "beginning a graph")
    do throws(Failure) {
      try issue()
    } catch {
      _ = functions.cuStreamEndCapture(stream, &graph)
      if let graph { _ = functions.cuGraphDestroy(graph) }
      throw error
    }
    try check(functions.cuStreamEndCapture(stream, &graph), "ending a graph")
    defer { _ = functions.cuGraphDestroy(graph) }
    try check(functions.cuGraphInstantiateWithFlags(&executable, graph, 0), "making a graph")
    return executable!
  }
}
