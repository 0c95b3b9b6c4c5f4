import Kernels

extension KernelSet {
  /// All sets of products in bfloat16 that this processor can run, each once.
  package static var availableBF16: [KernelSet] {
    available.map(\.bf16).reduce(into: []) { sets, set in
      if !sets.contains(where: { $0.name == set.name }) { sets.append(set) }
    }
  }
}
