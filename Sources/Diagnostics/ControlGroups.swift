/// What the control groups that this process is in, which containers are made of, leave it of the machine: those of its own group and of
/// all above it, of version 1 and 2.
package struct ControlGroups: Sendable {
  private let memory: [Group]
  private let processor: [Group]

  /// A folder with the files of one group.
  fileprivate struct Group: Sendable {
    let folder: String
    /// Whether its files are those of version 1.
    let isFirst: Bool
  }

  /// - lines: what /proc/self/cgroup says, "number:controllers:path" on each line.
  /// - root: where groups are mounted.
  package init(_ lines: String, root: String = "/sys/fs/cgroup") {
    let lines = lines.split(separator: "\n")
    memory = lines.flatMap { Self.groups($0, "memory", root) }
    processor = lines.flatMap { Self.groups($0, "cpu", root) }
  }

  /// Those of this process now.
  package static var own: ControlGroups { ControlGroups(AvailableMemory.text(of: "/proc/self/cgroup")) }

  /// The groups of a line that may bound this. Within a container the path may be one of the machine, of which only the root is seen.
  private static func groups(_ line: Substring, _ controller: String, _ root: String) -> [Group] {
    let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3 else { return [] }
    let isFirst = !fields[1].isEmpty
    // text: words of the system.
    guard !isFirst || fields[1].split(separator: ",").contains(Substring(controller)) else { return [] }
    let steps = fields[2].split(separator: "/").map(String.init)
    return (isFirst ? ["\(root)/\(controller)"] : [root, "\(root)/unified"]).flatMap { root in
      (0...steps.count).map { depth in
        Group(folder: ([root] + steps.prefix(depth)).joined(separator: "/"), isFirst: isFirst)
      }
    }
  }
}

extension ControlGroups {
  /// Bytes of memory: the least of the limits. nil where none sets one.
  package var memoryLimit: Double? { memory.compactMap(\.memoryLimit).min() }

  /// Bytes up to the nearest of the limits, where what is kept of files counts as free: it is given up before anything else. nil
  /// without a limit.
  package var memoryLeft: Double? {
    memory.compactMap { group in
      guard let limit = group.memoryLimit, let used = group.memoryUsed else { return nil }
      return max(0, limit - used)
    }.min()
  }

  /// Processors: the least of the quotas. nil where none sets one.
  package var processors: Double? { processor.compactMap(\.processors).min() }
}

extension ControlGroups.Group {
  private func numbers(_ file: String) -> [Double] { AvailableMemory.numbers(in: "\(folder)/\(file)") }

  var memoryLimit: Double? {
    // Without a limit it is a word, or a number beyond all machines.
    numbers(isFirst ? "memory.limit_in_bytes" : "memory.max").first.flatMap { $0 < 0x1p60 ? $0 : nil }
  }

  /// Without what is kept of files.
  var memoryUsed: Double? {
    guard let used = numbers(isFirst ? "memory.usage_in_bytes" : "memory.current").first else { return nil }
    let kept = ["active_file", "inactive_file"].map { isFirst ? "total_\($0)" : $0 }
    let files = AvailableMemory.text(of: "\(folder)/memory.stat").split(separator: "\n").map {
      $0.split(separator: " ")
    }.filter { words in words.count == 2 && kept.contains { $0.utf8.elementsEqual(words[0].utf8) } }
    return max(0, used - files.reduce(0) { $0 + (Double($1[1]) ?? 0) })
  }

  var processors: Double? {
    // "200000 100000", of which the first may be "max"; of version 1 each in a file, -1 for no quota.
    let numbers =
      isFirst
      ? numbers("cpu.cfs_quota_us") + numbers("cpu.cfs_period_us") : numbers("cpu.max")
    guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0 else { return nil }
    return numbers[0] / numbers[1]
  }
}
