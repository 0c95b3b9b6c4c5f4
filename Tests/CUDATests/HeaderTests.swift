import CUDA
import Foundation
import TestSupport
import Testing

/// The vendor's headers on this machine.
private enum VendorHeaders {
  static let compiler = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":")
    .map { "\($0)/clang++" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The folders that hold this header: those of `RECUR_CUDA_INCLUDE`, those beside the libraries, the toolkit's.
  static func folders(_ header: String) -> [String] {
    let own = (ProcessInfo.processInfo.environment["RECUR_CUDA_INCLUDE"] ?? "").split(separator: ":")
    let beside = CUDALibrary.allCases.compactMap(\.finding.path).map {
      URL(fileURLWithPath: $0).deletingLastPathComponent().deletingLastPathComponent().path + "/include"
    }
    return (own.map(String.init) + beside + ["/usr/local/cuda/include"])
      .filter { FileManager.default.fileExists(atPath: "\($0)/\(header)") }
  }

  /// What to compare, where its header is installed.
  static let comparisons = [
    ("CHECK_DRIVER", "cuda.h"), ("CHECK_NVRTC", "nvrtc.h"), ("CHECK_CUBLASLT", "cublasLt.h"),
    ("CHECK_CUDNN", "cudnn.h"), ("CHECK_NCCL", "nccl.h"),
  ].filter { !folders($0.1).isEmpty }

  static var canCompare: Bool { compiler != nil && comparisons.contains { $0.1 == "cuda.h" } }
}

/// Own declarations against the vendor's headers, where they are installed: `pip install nvidia-cuda-runtime nvidia-cuda-nvrtc
/// nvidia-cuda-crt nvidia-cuda-cccl nvidia-cublas nvidia-cudnn-cu13 nvidia-nccl-cu13`, or the CUDA toolkit.
@Suite(.tags(.long), .enabled("needs CUDA's headers and clang++") { VendorHeaders.canCompare })
struct HeaderTests {
  private func compiles(_ defines: [String], _ headers: [String]) throws -> Bool {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let root = tests.deletingLastPathComponent().deletingLastPathComponent()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: VendorHeaders.compiler!)
    let folders = Set(headers.flatMap(VendorHeaders.folders)).flatMap { ["-isystem", $0] }
    process.arguments =
      ["-std=c++20", "-fsyntax-only", "-w", "-I\(root.path)/Sources/CCUDA/include"] + folders
      + defines.map { "-D\($0)" } + [tests.appendingPathComponent("Headers/declarations.cpp").path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  @Test(arguments: VendorHeaders.comparisons)
  func declarationsAreTheVendors(_ define: String, _ header: String) throws {
    #expect(try compiles([define], [header, "cuda.h"]))
  }

  @Test func aWrongDeclarationIsNoticed() throws {
    #expect(try !compiles(["CHECK_DRIVER", "PLANT_A_WRONG_PAIR"], ["cuda.h"]))
  }
}
