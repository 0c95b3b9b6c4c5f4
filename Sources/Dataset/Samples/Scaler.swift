import Diagnostics

/// How the columns of the data were scaled, so that predictions can be brought back to their units.
///
/// Arithmetic is in double and follows scikit-learn: `MinMaxScaler` (x · scale + offset, to 0...1 over the fitted rows)
/// and `StandardScaler` ((x − offset) / scale, mean 0 and population deviation 1). A column that never changes is only shifted.
public struct Scaler: Sendable, Equatable, Codable {
  public enum Method: String, Sendable, Codable { case minmax, standard }

  /// minmax: `min_` and `scale_` of scikit-learn. standard: mean and deviation.
  public struct ColumnScale: Sendable, Equatable, Codable {
    public var offset: Double
    public var scale: Double
    public init(offset: Double, scale: Double) {
      self.offset = offset
      self.scale = scale
    }
  }

  /// The scales of one series.
  public struct SeriesScale: Sendable, Equatable, Codable {
    public var name: String
    public var features: [ColumnScale]
    public var targets: [ColumnScale]
    public var fills: [Double]?

    package init(name: String, features: [ColumnScale], targets: [ColumnScale], fills: [Double]?) {
      (self.name, self.features, self.targets, self.fills) = (name, features, targets, fills)
    }
  }

  public var method: Method
  /// Of columns that are scaled; those after them, such as a calendar's, are not.
  public var features: [ColumnScale]
  /// Empty where the target is a class.
  public var targets: [ColumnScale]
  /// What stands for a feature that is missing, in the units of the file: its mean over the fitted rows. nil where none may be missing.
  public var fills: [Double]?
  /// Where each series has its own; one that training did not see takes those over all.
  public var series: [SeriesScale]?

  public init(method: Method, features: [ColumnScale], targets: [ColumnScale]) {
    self.method = method
    self.features = features
    self.targets = targets
  }
}

extension Scaler {
  /// The scales over all, which have no name.
  private var all: SeriesScale { SeriesScale(name: "", features: features, targets: targets, fills: fills) }

  /// The scales over all, and after them those of each series that has its own.
  package var alternatives: [SeriesScale] { [all] + (series ?? []) }

  /// The scales of these series, in their order.
  func scales(of names: [String]) -> [SeriesScale] {
    let all = all
    let own = Dictionary((series ?? []).map { (Name($0.name), $0) }) { first, _ in first }
    return names.map { own[Name($0)] ?? all }
  }

  /// Those of these series that have no scale of their own though each has one; every name once.
  func unseen(_ names: [String]) -> [String] {
    guard let series else { return [] }
    var known = Set(series.map { Name($0.name) })
    return names.filter { known.insert(Name($0)).inserted }
  }

  /// A scaled number, a prediction too, in the units of the file.
  /// - column: of `features` or `targets`, or of a series of its own.
  public func unscale(_ value: Float, _ column: ColumnScale) -> Double {
    method.unscale(Double(value), column)
  }
  /// How much one scaled unit of a target is in the units of the file.
  /// - own: the scales of the sample's series, where it has some.
  public func targetUnit(_ column: Int, own: [ColumnScale]? = nil) -> Double {
    guard !targets.isEmpty else { return 1 }
    let scale = abs((own ?? targets)[column].scale)
    return method == .minmax ? 1 / scale : scale
  }

  /// Whether every number is finite and every scale can be divided by.
  var isUsable: Bool {
    let own = series ?? []
    return (features + targets + own.flatMap { $0.features + $0.targets }).allSatisfy {
      $0.offset.isFinite && $0.scale.isFinite && $0.scale != 0
    } && ((fills ?? []) + own.flatMap { $0.fills ?? [] }).allSatisfy(\.isFinite)
  }
}

extension Scaler.Method {
  @inline(__always)
  package func scale(_ value: Double, _ column: Scaler.ColumnScale) -> Double {
    switch self {
    // Two roundings, as in numpy; not fused.
    case .minmax: value * column.scale + column.offset
    case .standard: (value - column.offset) / column.scale
    }
  }

  func unscale(_ value: Double, _ column: Scaler.ColumnScale) -> Double {
    switch self {
    case .minmax: (value - column.offset) / column.scale
    case .standard: value * column.scale + column.offset
    }
  }
}

extension Scaler.ColumnScale {
  /// Leaves a number as it is, with `Method.minmax`.
  static let identity = Scaler.ColumnScale(offset: 0, scale: 1)
}
