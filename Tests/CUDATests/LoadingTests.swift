import CUDA
import Diagnostics
import Foundation
import TestSupport
import Testing

@Suite(.tags(.long)) struct LoadingTests {
  /// A folder tree with empty files; search results name real files only.
  private func tree(_ files: [String], _ body: (String) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("cuda-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for file in files {
      let url = root.appendingPathComponent(file)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("not a library".utf8).write(to: url)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
    }
    try body(root.path)
  }

  @Test func foldersComeInOrder() throws {
    let library = "lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13"
    try tree(["toolkit/lib64/libnvrtc.so.13", "venv/\(library)", "path/nvidia/cu13/lib/libnvrtc.so.13"]) {
      root in
      let variables = [
        "RECUR_CUDA_PATH": "/first:/second", "CUDA_HOME": "\(root)/toolkit", "VIRTUAL_ENV": "\(root)/venv",
        "PYTHONPATH": "\(root)/path",
      ]
      let found = LibrarySearch(variable: { variables[$0] }).candidates(["libnvrtc.so.13", "libnvrtc.so.12"])
      #expect(
        found.prefix(6) == [
          "/first/libnvrtc.so.13", "/first/libnvrtc.so.12", "/second/libnvrtc.so.13",
          "/second/libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so.12",
        ])
      #expect(
        found.filter { $0.hasPrefix(root) } == [
          "\(root)/toolkit/lib64/libnvrtc.so.13", "\(root)/path/nvidia/cu13/lib/libnvrtc.so.13",
          "\(root)/venv/\(library)",
        ])
    }
  }

  @Test func theFirstPythonsEnvironmentIsFoundThroughLinks() throws {
    let library = "lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13"
    try tree(["venv/\(library)", "base/bin/python3"]) { root in
      let files = FileManager.default
      for folder in ["venv/bin", "links"] {
        try files.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
      }
      try files.createSymbolicLink(
        atPath: "\(root)/venv/bin/python3", withDestinationPath: "../../base/bin/python3")
      try files.createSymbolicLink(
        atPath: "\(root)/links/python3", withDestinationPath: "\(root)/venv/bin/python3")
      let search = LibrarySearch { $0 == "PATH" ? "/nonexistent:\(root)/links" : nil }
      let found = search.candidates(["libnvrtc.so.13"]).filter { $0.contains("python3.12") }
      #expect(
        found.count == 1 && found[0].hasSuffix("venv/bin/../../venv/\(library)")
          || found == ["\(root)/venv/\(library)"])
    }
  }

  @Test func whatWasTriedIsTold() throws {
    try tree(["lib/libcuda.so.1"]) { root in
      let search = LibrarySearch { $0 == "RECUR_CUDA_PATH" ? "\(root)/lib:/nowhere" : nil }
      // Where a real driver is installed, the loader finds it after the folders named first.
      guard let failure = #expect(throws: Failure.self, performing: { try Driver(search: search) }) else {
        return
      }
      #expect(failure.kind == .unavailable)
      #expect(failure.message.contains("\(root)/lib/libcuda.so.1"))
      #expect(failure.message.contains("/nowhere/libcuda.so.1"))
      #expect(!failure.message.contains("\n"))
    }
  }

  @Test func theSourcesAreAllThere() {
    #expect(KernelSource.all.first?.name == "kernels.cu")
    let names = Set(KernelSource.all.map(\.name))
    for source in KernelSource.all {
      for line in source.text.split(separator: "\n")
      where line.hasPrefix("#include \"") && source.name != "prelude.h" {
        #expect(names.contains(String(line.split(separator: "\"")[1])), "\(source.name): \(line)")
      }
    }
  }
}
