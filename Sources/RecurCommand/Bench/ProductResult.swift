import Kernels
import Recur

/// Which products of a step went which way.
struct ProductResult: Encodable {
  struct TimedProduct: Encodable {
    let kind: String
    let outputs: Int
    let inputs: Int
    /// Of the trial.
    let rows: Int
    let ownMilliseconds: Double
    let blasMilliseconds: Double
    let isBlas: Bool
  }
  /// The BLAS that computes some of them; nil where own kernels compute all.
  let library: String?
  /// Those that were large enough for a trial.
  let tried: [TimedProduct]
  /// How many a BLAS computes.
  let blasProducts: Int

  init(_ agreement: ProductAgreement) {
    library = agreement.choices?.library
    blasProducts = agreement.choices?.products.count ?? 0
    tried = agreement.verdicts.map {
      TimedProduct(
        kind: $0.shape.kind.rawValue, outputs: $0.shape.outputs, inputs: $0.shape.inputs, rows: $0.shape.rows,
        ownMilliseconds: $0.ownMilliseconds, blasMilliseconds: $0.blasMilliseconds, isBlas: $0.isBLAS)
    }
  }

  var lines: [String] {
    let header =
      library.map { "  products: \(blasProducts) by \($0)" } ?? "  products: all by own kernels"
    return [header]
      + tried.map {
        "    \($0.kind) \($0.outputs) × \($0.inputs), \($0.rows) rows: own \(Formatting.fixed($0.ownMilliseconds, 3)) ms, "
          + "BLAS \(Formatting.fixed($0.blasMilliseconds, 3)) ms\($0.isBlas ? ", taken" : "")"
      }
  }
}
