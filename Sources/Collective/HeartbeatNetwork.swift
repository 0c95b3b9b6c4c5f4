import Diagnostics

/// Which address of its machine a rank sends heartbeats from. All ranks decide from the same cards.
///
/// Loopback where all share a machine. Else, of the networks that every machine has an address of its own in: one that the job was
/// told to use (`--network`, which the launcher hands on for MPI: `btl_tcp_if_include` or `FI_TCP_IFACE`), or the first; IPv4's come
/// before IPv6's. Machines without such a network (pods that reach each other through routers) use the address that packets to another
/// machine leave from.
package struct HeartbeatNetwork {
  private static let mostAddresses = 16

  /// Of each machine, those that may be used; machines in the order of their first ranks.
  private(set) var machines: [[LocalAddress]]

  /// - Returns: nil where this machine has no address that leads to the others.
  static func address(_ group: any Communicator, _ environment: [String: String]) throws -> IPAddress? {
    if group.localSize == group.size { return .loopback }
    let own = usable(LocalAddress.ofMachine(), environment)
    let cards = try group.allGather(card(group.hostName, own)).map { read($0) }
    var seen: Set<String> = []
    let machines = cards.filter { seen.insert($0.host).inserted }
    if let network = HeartbeatNetwork(machines: machines.map(\.addresses)).common {
      return own.first { $0.bits == network.bits && $0.address.prefix($0.bits) == network.address }?.address
    }
    let others = machines.first { $0.host != group.hostName }?.addresses ?? []
    return others.lazy.compactMap(\.address.source).first ?? own.first?.address
  }

  package init(machines: [[LocalAddress]]) { self.machines = machines }

  /// The first network of the first machine that every machine has an address in, each another one: the bridges that container engines
  /// and virtual machines make have the same address everywhere, and lead nowhere.
  package var common: (address: IPAddress, bits: Int)? {
    for candidate in machines.first ?? [] {
      let network = candidate.address.prefix(candidate.bits)
      let members = machines.compactMap { addresses in
        addresses.first {
          $0.bits == candidate.bits && $0.address.width == network.width
            && $0.address.prefix($0.bits) == network
        }?.address
      }
      if members.count == machines.count, Set(members).count == members.count {
        return (network, candidate.bits)
      }
    }
    return nil
  }

  /// Those of the network the job was told to use; all where it was told none, or in words that only MPI understands.
  package static func usable(_ all: [LocalAddress], _ environment: [String: String]) -> [LocalAddress] {
    let text = environment["OMPI_MCA_btl_tcp_if_include"] ?? environment["FI_TCP_IFACE"]
    let network = text.flatMap { JobNetwork($0) }
    let wanted = network.map { network in all.filter { network.contains($0) } } ?? []
    return Array((wanted.isEmpty ? all : wanted).prefix(mostAddresses))
  }

  private static func card(_ host: String, _ addresses: [LocalAddress]) -> [UInt8] {
    var writer = MessageWriter()
    writer.add(UInt8(addresses.count))
    for local in addresses {
      writer.add(local.address.high)
      writer.add(local.address.low)
      writer.add(UInt8(local.bits))
    }
    return writer.bytes + Array(host.utf8)
  }

  private static func read(_ card: [UInt8]) -> (host: String, addresses: [LocalAddress]) {
    var reader = MessageReader(card)
    let count = Int(reader.byte() ?? 0)
    let addresses = (0..<count).compactMap { _ -> LocalAddress? in
      guard let high = reader.word64(), let low = reader.word64(), let bits = reader.byte() else {
        return nil
      }
      return LocalAddress(device: "", address: IPAddress(high: high, low: low), bits: Int(bits))
    }
    return (String(decoding: reader.rest, as: UTF8.self), addresses)
  }
}
