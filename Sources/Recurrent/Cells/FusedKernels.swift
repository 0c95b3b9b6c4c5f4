import CKernels

/// The time loops of `RecurrentLayer`, over all steps of some rows; the flag is whether the nonlinearity is relu.
struct FusedKernels: Sendable {
  typealias Loop = @Sendable (rk_kernels, UnsafeMutablePointer<rk_layer>, Bool) -> Void
  let forward: Loop
  let backward: Loop
}
