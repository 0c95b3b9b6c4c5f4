import CKernels
import Diagnostics

/// A fixed team of threads that cut pieces of work among themselves; a team of one is just the caller.
///
/// It is used from one thread at a time. Between pieces of work its threads spin for some microseconds, then sleep. Where other
/// processes keep them from their cores, fewer go on; the shares, and so the bits, stay the same.
public final class Team {
  public let count: Int
  /// Measures what is run from now on; nil for nothing.
  public var profile: StepProfile?
  // nil for a team of one.
  private let handle: OpaquePointer?

  /// - threads: at least 1, the caller among them.
  public init(threads: Int) throws(Failure) {
    precondition(threads > 0)
    count = threads
    guard threads > 1 else {
      handle = nil
      return
    }
    guard let team = rk_team_create(threads) else {
      throw Failure(.unavailable, "can't start \(threads) threads; ask for fewer with --threads")
    }
    handle = team
  }

  deinit { if let handle { rk_team_destroy(handle) } }

  /// One thread's share of a piece of work.
  public struct Share: Sendable {
    public let index: Int
    public let count: Int

    package init(index: Int, count: Int) { (self.index, self.count) = (index, count) }

    /// This share's part of `0..<total`, cut at multiples of `grain`.
    public func of(_ total: Int, grain: Int = 1) -> Range<Int> {
      let grains = (total + grain - 1) / grain
      func cut(_ index: Int) -> Int { min(grains * index / count * grain, total) }
      return cut(index)..<cut(index + 1)
    }
  }

  /// Runs `body` once for each share, at the same time where there are cores; small work is one share for the caller.
  /// - operations: about how many multiply-adds there are.
  public func run(_ phase: StepPhase, operations: Int, _ body: (Share) -> Void) {
    measure(phase, operations: operations) { share(operations: operations, body) }
  }

  /// Runs `body` on the caller alone.
  /// - operations: multiply-adds of its matrix products.
  public func measure<Result>(_ phase: StepPhase, operations: Int = 0, _ body: () -> Result) -> Result {
    guard let profile else { return body() }
    let start = StepProfile.now()
    defer { profile.add(phase, nanoseconds: StepProfile.now() - start, operations: operations) }
    return body()
  }

  private func share(operations: Int, _ body: (Share) -> Void) {
    guard let handle, operations >= Team.worthwhile else { return body(Share(index: 0, count: 1)) }
    withoutActuallyEscaping(body) { body in
      var work = Work(body: body, count: count)
      withUnsafeMutablePointer(to: &work) { work in
        rk_team_run(
          handle,
          { context, index in
            let work = context.assumingMemoryBound(to: Work.self)
            work.pointee.body(Share(index: index, count: work.pointee.count))
          }, work)
      }
    }
  }

  private struct Work {
    let body: (Share) -> Void
    let count: Int
  }

  /// Below this many multiply-adds, waking the others takes longer than doing it.
  private static let worthwhile = 200_000
}
