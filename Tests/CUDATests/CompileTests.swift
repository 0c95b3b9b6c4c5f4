import CUDA
import CUDAShim
import Recurrent
import TestSupport
import Testing

/// What NVRTC makes of the kernels, on any machine where it can be loaded: no GPU is needed. `pip install nvidia-cuda-nvrtc` brings it.
@Suite(.tags(.long), .enabled("needs NVRTC: pip install nvidia-cuda-nvrtc") { (try? Compiler()) != nil })
struct CompileTests {
  /// Registers a thread may use: with more, fewer than two blocks of 256 threads fit on a multiprocessor.
  static let registerBudget = 128

  @Test(arguments: [80, 90, 100])
  func everyKernelCompilesWithinItsBudget(architecture: Int) throws {
    let compiler = try Compiler()
    guard compiler.architectures.contains(architecture) else { return }
    let output = try compiler.compile(architecture: architecture)
    #expect(output.image.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(!output.log.contains("warning"))
    let usage = Usage.all(in: output.log)
    var index: Int32 = 0
    var expected: Set<String> = []
    while let name = shim_kernel(index).map({ String(cString: $0) }) {
      index += 1
      if name.contains("[") { continue }  // compiled for a shape, see below
      expected.insert(name)
      let kernel = try #require(usage[name], "\(name) was not compiled")
      #expect(kernel.spills == 0, "\(name) spills \(kernel.spills) bytes")
      #expect(kernel.registers > 0 && kernel.registers <= Self.registerBudget, "\(name): \(kernel.registers)")
    }
    #expect(Set(usage.keys) == expected)
  }

  /// Kernels compiled for a shape have a multiprocessor to themselves, with all of its registers.
  @Test(arguments: [(90, DevicePrecision.fp32), (90, .tf32), (90, .bf16), (100, .tf32)])
  func clustersKeepTheirWeightsInRegisters(architecture: Int, precision: DevicePrecision) throws {
    let compiler = try Compiler()
    guard compiler.architectures.contains(architecture) else { return }
    let networks: [(Network.Cell, Int)] = [
      (.rnn, 256), (.lstm, 256), (.gru, 256), (.lstm, 512), (.gru, 512),
    ]
    for (cell, hidden) in networks {
      let shape = try #require(ClusterShape(for: ClusterTests.plan(cell, hidden, precision)))
      let output = try compiler.compile(architecture: architecture, shape: shape)
      let usage = Usage.all(in: output.log)
      #expect(Set(usage.keys) == ["cluster_forward", "cluster_backward"])
      for (name, kernel) in usage {
        // Two numbers, each stored and read once: an address that is kept while weights are read, outside of the walk.
        #expect(kernel.spills <= 16, "\(name) \(shape.definition) spills \(kernel.spills) bytes")
        #expect(kernel.registers > 0 && kernel.registers <= 255)
      }
    }
  }

  /// GPUs before the first that has clusters get none, not an error.
  @Test func olderArchitecturesHaveNoClusterKernels() throws {
    let shape = ClusterShape(gates: 4, hidden: 64, blocks: 4, tiles: 1, precision: .tf32)
    let output = try Compiler().compile(architecture: 80, shape: shape)
    #expect(Usage.all(in: output.log).isEmpty)
  }

  @Test func anErrorIsToldInALine() throws {
    let compiler = try Compiler()
    #expect(throws: (any Error).self) { try compiler.compile(architecture: 12) }
  }

  /// What the compiler says about a kernel.
  struct Usage {
    var registers = 0
    var spills = 0

    static func all(in log: String) -> [String: Usage] {
      var all: [String: Usage] = [:]
      var name = ""
      for line in log.split(separator: "\n") {
        if line.contains("Compiling entry function") { name = String(line.split(separator: "'")[1]) }
        let words = line.split(whereSeparator: { " ,".contains($0) }).map(String.init)
        func number(before word: String) -> Int {
          words.indices.dropFirst().filter { words[$0] == word }.compactMap { Int(words[$0 - 1]) }.first ?? 0
        }
        if line.contains("Used") { all[name, default: Usage()].registers = number(before: "registers") }
        if line.contains("spill") {
          all[name, default: Usage()].spills = words.indices.filter { words[$0] == "spill" && $0 >= 2 }
            .compactMap { Int(words[$0 - 2]) }.reduce(0, +)
        }
      }
      return all
    }
  }
}
