import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct MemoryTests {
  @Test(arguments: [
    ("2GiB", 2 << 30), ("1.5MiB", 3 << 19), ("512 MiB", 512 << 20), ("1kB", 1000), ("7", 7),
    ("3TB", 3_000_000_000_000),
  ])
  func amountsAreRead(text: String, bytes: Int) {
    #expect(ByteCount.read(text) == bytes)
    #expect(ByteCount.read(ByteCount.text(bytes)) == bytes)
  }

  @Test(arguments: ["", "GiB", "-1", "0", "0.5", "1 gb", "2GiB3", "1e400", "nan", "99999999TiB", "1..5MB"])
  func whatIsNoAmountIsRefused(text: String) { #expect(ByteCount.read(text) == nil) }

  @Test func amountsAreWrittenInTheirLargestUnit() {
    #expect(
      ByteCount.text(2 << 30) == "2GiB" && ByteCount.text(1500) == "1500" && ByteCount.text(3000) == "3kB")
  }

  /// Of both versions of control groups, the process's own and those above it.
  @Test func groupsAreFoundUpToTheRoot() {
    #expect(
      ContainerMemory.files("0::/a/b").filter { $0.hasPrefix("/sys/fs/cgroup/") && !$0.contains("unified") }
        == [
          "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/a/b/memory.max",
        ])
    #expect(
      ContainerMemory.files("7:memory:/x") == [
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/x/memory.limit_in_bytes",
      ])
    #expect(ContainerMemory.files("3:cpu,cpuacct:/x").isEmpty && ContainerMemory.files("words").isEmpty)
  }
}
