import Diagnostics
import Foundation
import TestSupport
import Testing

/// Limits of the process's own group and of those above it, of both versions.
@Suite(.tags(.fast)) struct ControlGroupTests {
  private let root = NSTemporaryDirectory() + "groups-\(UUID().uuidString)"

  private func write(_ files: [String: String]) throws {
    for (path, text) in files {
      let url = URL(fileURLWithPath: "\(root)/\(path)")
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("\(text)\n".utf8).write(to: url)
    }
  }

  private func groups(_ lines: String) -> ControlGroups { ControlGroups(lines, root: root) }

  @Test func theNearestLimitOfTheFirstVersionHolds() throws {
    try write([
      "memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "5000000000",
      "memory/a/memory.limit_in_bytes": "1000000", "memory/a/memory.usage_in_bytes": "900000",
      "memory/a/memory.stat":
        "cache 1\nactive_file 7\ntotal_active_file 100000\ntotal_inactive_file 200000",
      "memory/a/b/memory.limit_in_bytes": "2000000", "memory/a/b/memory.usage_in_bytes": "1900000",
      "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000",
      "cpu/a/cpu.cfs_quota_us": "150000", "cpu/a/cpu.cfs_period_us": "100000",
    ])
    defer { try? FileManager.default.removeItem(atPath: root) }
    let own = groups("4:cpu,cpuacct:/a\n7:memory:/a/b\n3:pids:/x")
    #expect(own.memoryLimit == 1_000_000 && own.memoryLeft == 100_000 && own.processors == 1.5)
    let above = groups("7:memory:/a")
    #expect(above.memoryLeft == 400_000 && above.processors == nil)
    // In a container its group may have a path that is not seen there.
    #expect(groups("7:memory:/docker/123").memoryLimit == nil)
    #expect(groups("words").memoryLimit == nil && groups("").memoryLeft == nil)
  }

  @Test(arguments: ["", "unified/"]) func theNearestLimitOfTheSecondVersionHolds(mount: String) throws {
    try write([
      "\(mount)memory.stat": "anon 1", "\(mount)x/memory.max": "max", "\(mount)x/memory.current": "70",
      "\(mount)x/y/memory.max": "1000", "\(mount)x/y/memory.current": "1100",
      "\(mount)x/y/memory.stat": "anon 300\nfile 800\ninactive_file 500\nactive_file 200",
      "\(mount)x/cpu.max": "200000 100000", "\(mount)x/y/cpu.max": "max 100000",
    ])
    defer { try? FileManager.default.removeItem(atPath: root) }
    let own = groups("0::/x/y")
    #expect(own.memoryLimit == 1000 && own.memoryLeft == 600 && own.processors == 2)
    #expect(groups("0::/x").memoryLimit == nil)
    #expect(groups("0::/").memoryLimit == nil)
  }
}
