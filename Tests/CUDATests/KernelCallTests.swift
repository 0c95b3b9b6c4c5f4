import CUDA
import CUDAShim
import Foundation
import TestSupport
import Testing

/// What programs call is what the headers declare.
@Suite(.tags(.long)) struct KernelCallTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let calls = root.appendingPathComponent("Sources/CUDA/Program/KernelCalls.swift")
  private static let compiler = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":")
    .map { "\($0)/clang" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  private static let missing: Comment = "needs clang, Swift's own, in PATH"

  /// A source of CCUDA/device as its compiler sees it.
  private func preprocessed(_ file: String, _ defines: [String] = []) throws -> String {
    let device = Self.root.appendingPathComponent("Sources/CCUDA/device").path
    let outcome = try run(
      try #require(Self.compiler),
      ["-E", "-P", "-x", "c++", "-std=c++17", "-D__CUDACC_RTC__", "-DGPU_OPTIONAL=_Nullable"]
        + defines.map { "-D\($0)" } + ["-I\(device)", "-I\(device)/../include", "\(device)/\(file)"])
    try #require(outcome.status == 0, "\(outcome.errors.suffix(2000))")
    return outcome.output
  }

  private func declarations() throws -> KernelDeclarations {
    try KernelDeclarations([
      preprocessed("kernels.cu"), preprocessed("cluster.cu", ["GPU_HAS_CLUSTERS"]),
    ])
  }

  @Test(.enabled(if: compiler != nil, missing)) func `each kernel's function is its declaration`() throws {
    let text = try declarations().swift
    if ProcessInfo.processInfo.environment["RECUR_WRITE_KERNELS"] != nil {
      try text.write(to: Self.calls, atomically: true, encoding: .utf8)
    }
    let found = try String(contentsOf: Self.calls, encoding: .utf8).split(separator: "\n")
    let wanted = text.split(separator: "\n")
    for change in wanted.difference(from: found).prefix(20) {
      switch change {
      case .insert(_, let line, _): Issue.record("KernelCalls.swift lacks: \(line)")
      case .remove(_, let line, _): Issue.record("no header says what KernelCalls.swift has: \(line)")
      }
    }
  }

  @Test(.enabled(if: compiler != nil, missing)) func `all kernels that can be launched have one`() throws {
    let declared = Set(try declarations().kernels.map(\.name))
    let launched = (0...).lazy.map { shim_kernel(Int32($0)) }.prefix { $0 != nil }
      .map { String(cString: $0!).prefix { $0 != "[" } }
    #expect(declared == Set(launched.map(String.init)))
    #expect(!declared.isEmpty)
  }

  @Test func `a changed declaration is another function`() throws {
    let text =
      "__global__ void __launch_bounds__(256) add(const float *x, float *_Nullable y, long long count) {}"
    func swift(_ old: String = "", _ new: String = "") throws -> String {
      try KernelDeclarations([text.replacingOccurrences(of: old, with: new)]).swift
    }
    let plain = try swift()
    #expect(plain.contains("x: Region, y: Region?, count: Int\n"))
    for (old, new) in [
      ("long long count", "int count"), ("*_Nullable y", "*y"), ("const float *x, ", ""), ("count)", "rows)"),
      ("float *x", "int *x, float z"), ("add(", "sum("),
    ] {
      #expect(try swift(old, new) != plain, "\(new)")
    }
    #expect(throws: KernelDeclarations.Unknown.self) { try swift("long long count", "short count") }
  }
}
