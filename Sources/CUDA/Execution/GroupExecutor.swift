/// An executor whose device can add up numbers with those of other ranks, which `sum` operations ask for.
public protocol GroupExecutor: Executor {
  /// What other ranks are told before any joins; nil where this one can't, or was told not to.
  var membership: GroupMembership? { get }
  /// Made by one rank, given to all.
  func invitation() throws -> [UInt8]
  /// Returns when all ranks have joined.
  func join(_ invitation: [UInt8], rank: Int, size: Int) throws
}

/// A device and what it adds up with. Members need the same version, and a device each.
public struct GroupMembership: Sendable, Equatable {
  /// Tells the devices of a machine apart: the PCI address.
  public let device: String
  public let version: Int

  public init(device: String, version: Int) {
    self.device = device
    self.version = version
  }
}
