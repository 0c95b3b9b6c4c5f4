import Diagnostics

/// Which address of its machine a rank sends heartbeats from. All ranks decide from the same cards.
///
/// Loopback where all share a machine. Else, of the networks that every machine has an address of its own in: one that the job was
/// told to use (`--network`, which the launcher hands on for MPI: `btl_tcp_if_include` or `FI_TCP_IFACE`), or the first. Machines without such a network (pods
/// that reach each other through routers) use the address that packets to another machine leave from.
package struct HeartbeatNetwork {
  private static let mostAddresses = 16

  /// Of each machine, those that may be used; machines in the order of their first ranks.
  private(set) var machines: [[IPv4.Local]]

  /// - Returns: nil where this machine has no IPv4 address that leads to the others.
  static func address(_ group: any Communicator, _ environment: [String: String]) throws -> UInt32? {
    if group.localSize == group.size { return IPv4.loopback }
    let own = usable(IPv4.ofMachine(), environment)
    let cards = try group.allGather(card(group.hostName, own)).map { read($0) }
    var machines: [(host: String, addresses: [IPv4.Local])] = []
    for card in cards where !machines.contains(where: { $0.host == card.host }) { machines.append(card) }
    if let network = HeartbeatNetwork(machines: machines.map(\.addresses)).common {
      return own.first { IPv4.prefix($0.address, $0.bits) == network.address && $0.bits == network.bits }?
        .address
    }
    let other = machines.first { $0.host != group.hostName }?.addresses.first?.address
    return other.flatMap { IPv4.source(to: $0) } ?? own.first?.address
  }

  package init(machines: [[IPv4.Local]]) { self.machines = machines }

  /// The first network of the first machine that every machine has an address in, each another one: the bridges that container engines
  /// and virtual machines make have the same address everywhere, and lead nowhere.
  package var common: (address: UInt32, bits: Int)? {
    for candidate in machines.first ?? [] {
      let network = IPv4.prefix(candidate.address, candidate.bits)
      let members = machines.compactMap { addresses in
        addresses.first { $0.bits == candidate.bits && IPv4.prefix($0.address, $0.bits) == network }?.address
      }
      if members.count == machines.count, Set(members).count == members.count {
        return (network, candidate.bits)
      }
    }
    return nil
  }

  /// Those of the network the job was told to use; all where it was told none, or in words that only MPI understands.
  package static func usable(_ all: [IPv4.Local], _ environment: [String: String]) -> [IPv4.Local] {
    let text = environment["OMPI_MCA_btl_tcp_if_include"] ?? environment["FI_TCP_IFACE"]
    let network = text.flatMap { JobNetwork($0) }
    let wanted = network.map { network in all.filter { network.contains($0) } } ?? []
    return Array((wanted.isEmpty ? all : wanted).prefix(mostAddresses))
  }

  private static func card(_ host: String, _ addresses: [IPv4.Local]) -> [UInt8] {
    addresses.count.bytes + addresses.flatMap { Int($0.address).bytes + $0.bits.bytes } + Array(host.utf8)
  }

  private static func read(_ card: [UInt8]) -> (host: String, addresses: [IPv4.Local]) {
    let count = Int(bytes: card)
    func number(_ index: Int) -> Int { Int(bytes: Array(card[8 + index * 8..<16 + index * 8])) }
    let addresses = (0..<count).map {
      IPv4.Local(device: "", address: UInt32(truncatingIfNeeded: number(2 * $0)), bits: number(2 * $0 + 1))
    }
    return (String(decoding: card[(8 + count * 16)...], as: UTF8.self), addresses)
  }
}
