import CUDA
import Collective
import Training

extension Communicator {
  /// Lets the ranks' devices add up among themselves, where each rank has a device of its own and all can. The same answer on all ranks.
  package func joinDevices(_ executor: any Executor) throws -> Bool {
    let own = (executor as? any GroupExecutor)?.membership
    // A rank that can't says nothing.
    let card = own.map { "\($0.version) \(hostName) \($0.device)" } ?? ""
    let cards = try allGather(Array(card.utf8))
    let versions = Set(cards.map { $0.prefix { $0 != UInt8(ascii: " ") } })
    guard let executor = executor as? any GroupExecutor, cards.allSatisfy({ !$0.isEmpty }),
      Set(cards).count == size, versions.count == 1
    else { return false }
    let invitation = try allGather(rank == 0 ? executor.invitation() : [])[0]
    try executor.join(invitation, rank: rank, size: size)
    return true
  }
}
