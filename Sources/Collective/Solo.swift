import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The group of one: nothing to send, nothing to wait for. MPI is neither loaded nor initialised.
package final class Solo: Communicator {
  package let hostName: String
  package var progress: RankProgress?
  package var leavesProcessor = false
  package var rank: Int { 0 }
  package var size: Int { 1 }
  package var localRank: Int { 0 }
  package var localSize: Int { 1 }

  package init() { hostName = localHostName() }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {}
  package func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) {}
  package func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) -> PendingCall {
    FinishedCall()
  }
  package func part(_ members: Range<Int>) -> (any Communicator)? { members.contains(0) ? self : nil }
  package func allGather(_ part: [UInt8]) -> [[UInt8]] { [part] }
  package func barrier() {}
  package func finish() {}

  package func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]
  ) {
    copy(outgoing, outgoingParts[0], into: incoming, incomingParts[0])
  }

  package func abort(reason: String, code: Int32) -> Never {
    writeLine(reason)
    exit(code)
  }
}

/// Copies one part of an exchange inside a process.
func copy(
  _ source: UnsafeRawBufferPointer, _ from: Range<Int>,
  into target: UnsafeMutableRawBufferPointer, _ to: Range<Int>
) {
  precondition(from.count == to.count, "the two sides of an exchange disagree about a part's length")
  UnsafeMutableRawBufferPointer(rebasing: target[to])
    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from]))
}

/// The name of this machine.
func localHostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
  return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
