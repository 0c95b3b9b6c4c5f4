/// All matrix products of a model: own kernels, or a BLAS where it was chosen.
///
/// A BLAS computes in training alone. Evaluation and prediction take own kernels always: a row's bits then depend neither on the rows
/// beside it nor on the number of threads nor on the library that a machine has.
public final class Products {
  public let kernels: KernelSet
  public let team: Team
  /// What a BLAS computes; nil where nothing is.
  public private(set) var choices: ProductChoices?
  private var weights: [ProductWeight] = []
  private let shared = ProductWeight.Shared()

  public init(_ kernels: KernelSet, _ team: Team) { (self.kernels, self.team) = (kernels, team) }

  /// Whether what is computed from now on belongs to a training step. Said before weights are packed.
  package var isTraining: Bool {
    get { shared.isTraining }
    set { shared.isTraining = newValue }
  }

  /// - rowTable, columnTable: see `ProductWeight`; nil for the parameter's own order.
  /// - stepwise: what is asked a step at a time.
  /// - seesSteps: whether it is multiplied with each step of a batch's sequences, or one row of each.
  package func weight(
    outputs: Int, inputs: Int, rowTable: UnsafePointer<Int32>? = nil,
    columnTable: UnsafePointer<Int32>? = nil, _ kinds: Set<ProductKind>, stepwise: Set<ProductKind> = [],
    seesSteps: Bool = true, cutsInputs: Bool = false
  ) -> ProductWeight {
    let weight = ProductWeight(
      outputs, inputs, rowTable: rowTable, columnTable: columnTable, kinds, stepwise: stepwise,
      seesSteps: seesSteps, cutsInputs: cutsInputs, kernels, team, shared)
    weights.append(weight)
    return weight
  }

  /// Lets a BLAS compute these from now on; nothing with nil. Weights have to be packed anew.
  package func use(_ choices: ProductChoices?, of library: BLASLibrary?) {
    precondition(choices == nil || library != nil && !kernels.isBF16, "products in bfloat16 are own ones")
    self.choices = choices
    shared.library = library
    for weight in weights {
      for kind in weight.merged {
        let choice = choices?.products.first {
          $0.kind == kind && $0.outputs == weight.outputs && $0.inputs == weight.inputs
        }
        weight.setBLAS(kind, from: choice.map { max($0.rows, 1) } ?? .max)
      }
    }
  }

  /// The products of a training step that are large enough for a BLAS to be worth a try, each once: with as many rows as a trial has.
  /// - rows: of a batch, all steps of all sequences; sequences: of a batch.
  package func large(rows: Int, sequences: Int) -> [ProductShape] {
    shapes(rows: { min($0.seesSteps ? rows : sequences, ProductShape.mostRows) }).filter(\.isLarge)
  }

  /// All products, whatever their size.
  package var all: [ProductShape] { shapes { _ in 1 } }

  private func shapes(rows: (ProductWeight) -> Int) -> [ProductShape] {
    var shapes: [ProductShape] = []
    for weight in weights {
      for kind in ProductKind.allCases where weight.merged.contains(kind) {
        let shape = ProductShape(
          kind: kind, outputs: weight.outputs, inputs: weight.inputs, rows: rows(weight))
        if let known = shapes.firstIndex(where: { $0.isLike(shape) }) {
          shapes[known].rows = max(shapes[known].rows, shape.rows)
        } else {
          shapes.append(shape)
        }
      }
    }
    return shapes
  }
}

/// A product by its kind and sizes.
public struct ProductShape: Codable, Equatable, Sendable, CustomStringConvertible {
  public var kind: ProductKind
  /// Of the weight, as stored.
  public var outputs: Int
  public var inputs: Int
  /// Of the batch; of a choice, the fewest for which it holds.
  public var rows: Int

  /// For a weight of these sizes and more, and so many rows, a call of a BLAS costs nothing that could be measured.
  static let fewestWeights = 1 << 15
  static let fewestRows = 128
  /// More rows take longer and not another way.
  static let mostRows = 512

  package init(kind: ProductKind, outputs: Int, inputs: Int, rows: Int) {
    (self.kind, self.outputs, self.inputs, self.rows) = (kind, outputs, inputs, rows)
  }

  var isLarge: Bool {
    rows >= Self.fewestRows && inputs >= 32 && outputs >= 32 && outputs * inputs >= Self.fewestWeights
  }

  func isLike(_ other: ProductShape) -> Bool {
    kind == other.kind && outputs == other.outputs && inputs == other.inputs
  }

  public var description: String { "\(kind.rawValue) \(outputs) × \(inputs), \(rows) rows" }
}

/// What a BLAS computes of a model's products. The bits of a run depend on it.
public struct ProductChoices: Codable, Equatable, Sendable {
  /// The library in its own words.
  public var library: String
  /// Threads that share a product: a BLAS may add up its parts otherwise.
  public var threads: Int
  /// Each with the fewest rows that it computes; all others have own kernels.
  public var products: [ProductShape]

  public init(library: String, threads: Int, products: [ProductShape]) {
    (self.library, self.threads, self.products) = (library, threads, products)
  }
}
