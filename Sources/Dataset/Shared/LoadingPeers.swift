import Diagnostics
import Files

/// The processes that load the same data side by side. A module that has a communicator fills this in; reading needs no more.
public struct LoadingPeers {
  /// This process's number among all.
  public var rank: Int
  /// The machine it runs on.
  public var hostName: String
  /// What each process gave, by number. All make the same calls.
  public var allGather: ([UInt8]) throws -> [[UInt8]]
  /// Smaller files are read whole by every process: that is done sooner than agreed on.
  public var sharedFrom = 8 << 20

  public init(rank: Int, hostName: String, allGather: @escaping ([UInt8]) throws -> [[UInt8]]) {
    self.rank = rank
    self.hostName = hostName
    self.allGather = allGather
  }
}

/// The processes of this machine that share what they load: each reads its part of a large file, and the numbers lie once
/// in memory that all of them see.
///
/// Work is divided within a machine, and every machine does the same; all processes of all machines make the same calls, so
/// that a failure of one is thrown by all.
final class LoadingGroup {
  private let peers: LoadingPeers
  /// Numbers of the processes that share memory with this one, itself among them.
  private let members: [Int]
  /// This one among them.
  let index: Int
  var count: Int { members.count }
  /// Bytes of a file from which on it is read together.
  var sharedFrom: Int { peers.sharedFrom }

  /// All processes make it together. nil where no two of them share memory.
  init?(_ peers: LoadingPeers) throws(Failure) {
    let (members, others) = try Self.members(peers)
    guard members.count > 1 || others else { return nil }
    self.peers = peers
    self.members = members
    index = members.firstIndex(of: peers.rank)!
  }

  /// The processes of this machine, if each can look into the memory of the first, else this one alone; and whether processes of
  /// another machine can.
  private static func members(_ peers: LoadingPeers) throws(Failure) -> (own: [Int], others: Bool) {
    let hosts = try peers.share { [UInt8](peers.hostName.utf8) }
    let neighbours = hosts.indices.filter { hosts[$0] == hosts[peers.rank] }
    let (rank, first) = (peers.rank, neighbours[0])
    // Containers may hide processes of one machine from each other: try it out, with a mark none else has.
    let memory = rank == first && neighbours.count > 1 ? try? SharedMemory(size: 8) : nil
    let mark = UInt64.random(in: 1 ... .max)
    memory?.word = mark
    let offers = try peers.share { memory.map { [UInt8]("\($0.address) \(mark)".utf8) } ?? [] }
    // text: words of this program.
    let words = String(decoding: offers[first], as: UTF8.self).split(separator: " ").map(String.init)
    let isSeen =
      words.count == 2
      && (rank == first || (try? SharedMemory(address: words[0], size: 8))?.word == UInt64(words[1]))
    let seen = try peers.share { [isSeen ? 1 : 0] }
    memory?.closeFile()
    let sharing = Set(hosts).map { host in hosts.indices.filter { hosts[$0] == host } }
      .filter { ranks in ranks.count > 1 && ranks.allSatisfy { seen[$0] == [1] } }
    return (sharing.first { $0.contains(rank) } ?? [rank], !sharing.isEmpty)
  }

  /// Opens a file that holds nothing yet where it is large enough to be read in parts; else it holds all.
  /// - unpacks: as `InputFile` has it; what was unpacked is not read in parts.
  func open(_ path: String, key: String, unpacks: Bool = true) throws(Failure) -> InputFile {
    var file: InputFile?
    let sizes = try everyone { () throws(Failure) in
      file = try InputFile(path: path, key: key, unpacks: unpacks) { _ in 0..<0 }
      return [UInt8]("\(file!.size)".utf8)
    }
    if let other = sizes.firstIndex(where: { $0 != sizes[0] }) {
      let (here, there) = (
        String(decoding: sizes[0], as: UTF8.self), String(decoding: sizes[other], as: UTF8.self)
      )
      throw .badData(
        "\(path): rank 0 finds \(here) bytes, rank \(other) \(there); give all ranks the same files")
    }
    file!.isDivided = file!.isRepeatable && file!.size >= peers.sharedFrom
    if !file!.isDivided { try file!.hold(0..<file!.size) }
    return file!
  }

  /// This process's share of that many things: consecutive, in the order of the processes.
  func part(of count: Int) -> Range<Int> { part(of: count, at: index) }
  func part(of count: Int, at index: Int) -> Range<Int> {
    let (share, extra) = count.quotientAndRemainder(dividingBy: members.count)
    let start = index * share + min(index, extra)
    return start..<start + share + (index < extra ? 1 : 0)
  }

  /// What each process of this machine gave. Where one fails, on any machine, all throw the failure of the first that did.
  func share(_ body: () throws(Failure) -> [UInt8]) throws(Failure) -> [[UInt8]] {
    let all = try everyone(body)
    return members.map { all[$0] }
  }

  /// The same of the processes of all machines.
  func everyone(_ body: () throws(Failure) -> [UInt8]) throws(Failure) -> [[UInt8]] { try peers.share(body) }

  /// Memory of `size` zeros that all processes of the machine see.
  func memory(size: Int) throws(Failure) -> SharedMemory {
    var memory: SharedMemory?
    let addresses = try share { () throws(Failure) in
      if index == 0 { memory = try SharedMemory(size: size) }
      return [UInt8]((memory?.address ?? "").utf8)
    }
    // The first must not close its file before the others have opened it.
    _ = try share { () throws(Failure) in
      if memory == nil {
        memory = try SharedMemory(address: String(decoding: addresses[0], as: UTF8.self), size: size)
      }
      return []
    }
    memory!.closeFile()
    return memory!
  }
}

extension LoadingGroup? {
  /// What each process makes by itself. Where one fails, all throw.
  func alike<Made>(_ make: () throws(Failure) -> Made) throws(Failure) -> Made {
    guard let group = self else { return try make() }
    var made: Made?
    _ = try group.everyone { () throws(Failure) in
      made = try make()
      return []
    }
    return made!
  }
}

extension LoadingPeers {
  /// What each process gave, or on all of them the failure of the first that failed.
  func share(_ body: () throws(Failure) -> [UInt8]) throws(Failure) -> [[UInt8]] {
    var own: [UInt8] = [0]
    do { own += try body() } catch {
      own = [1] + "\(error.kind.rawValue) \(error.message)".utf8
    }
    let all: [[UInt8]]
    do { all = try allGather(own) } catch {
      throw error as? Failure ?? Failure(.internalError, "\(error)")
    }
    for part in all where part[0] == 1 {
      // text: words of this program.
      let words = String(decoding: part.dropFirst(), as: UTF8.self).split(separator: " ", maxSplits: 1)
      throw Failure(Failure.Kind(rawValue: Int32(words[0])!)!, words.dropFirst().joined())
    }
    return all.map { Array($0.dropFirst()) }
  }
}

extension DataSpecification {
  /// Opens one of its files, with `group` all processes together.
  /// - holding: as `InputFile` has it, for a process on its own.
  func open(
    _ path: String, key: String, _ group: LoadingGroup? = nil, unpacks: Bool = true,
    holding part: ((_ size: Int) throws(Failure) -> Range<Int>)? = nil
  ) throws(Failure) -> InputFile {
    if let content, path.hasSameBytes(as: self.path) {
      return InputFile(path: path, bytes: content, firstValueLine: firstValueLine)
    }
    let name = key == "data.path" ? pathName : key
    if let group { return try group.open(path, key: name, unpacks: unpacks) }
    return try InputFile(path: path, key: name, allowsStream: allowsStreams, unpacks: unpacks, holding: part)
  }
}

extension InputFile {
  /// Holds the first `head` bytes of a file that can be read again; the others are read where they are needed.
  static func open(
    _ specification: DataSpecification, _ path: String, key: String, _ group: LoadingGroup?, head: Int
  ) throws(Failure) -> InputFile {
    var file = try specification.open(path, key: key, group) { 0..<min($0, head) }
    if file.isDivided { try file.hold(0..<min(file.size, head)) }
    return file
  }
}
