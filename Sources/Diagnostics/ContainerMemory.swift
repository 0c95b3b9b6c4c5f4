/// What the control groups that this process is in, which containers are made of, leave it of the machine.
package enum ContainerMemory {
  /// Bytes of memory: the least of the limits of its group and of those above. nil where none sets one.
  package static var limit: Double? {
    AvailableMemory.text(of: "/proc/self/cgroup").split(separator: "\n").flatMap { files($0) }
      .compactMap { AvailableMemory.numbers(in: $0).first }
      // Without a limit it is a word, or a number beyond all machines.
      .filter { $0 < 0x1p60 }.min()
  }

  /// The files with the limits of a group, "number:controllers:path", and of those above it. Within a container the path may be one of
  /// the machine, of which only the root is seen.
  package static func files(_ group: Substring) -> [String] {
    let fields = group.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3 else { return [] }
    let roots: [String]
    let name: String
    if fields[1].isEmpty {
      (roots, name) = (["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.max")
    } else if fields[1].split(separator: ",").contains("memory") {
      (roots, name) = (["/sys/fs/cgroup/memory"], "memory.limit_in_bytes")
    } else {
      return []
    }
    let steps = fields[2].split(separator: "/").map(String.init)
    return roots.flatMap { root in
      (0...steps.count).map { depth -> String in
        let parts = [root] + steps.prefix(depth) + [name]
        return parts.joined(separator: "/")
      }
    }
  }
}
