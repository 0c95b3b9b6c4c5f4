import ArgumentParser

/// A library whose steps `bench --compare` times beside its own.
enum PeerLibrary: String, CaseIterable, Encodable {
  case torch, jax, onnx

  /// What Python imports.
  var module: String { self == .onnx ? "onnxruntime" : rawValue }
}

/// Several of them as an option has them: `torch,jax`.
struct PeerLibraries: ExpressibleByArgument {
  let all: [PeerLibrary]

  init?(argument: String) {
    let names = argument.split(separator: ",", omittingEmptySubsequences: false)
    let found = names.compactMap { PeerLibrary(rawValue: String($0)) }
    guard found.count == names.count, Set(found).count == found.count else { return nil }
    all = found
  }
}
