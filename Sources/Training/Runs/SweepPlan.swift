import Dataset
import Diagnostics
import Digests

/// All trials of a sweep with their settings, a function of what was asked for and the seed: whoever starts a sweep again gets the
/// same ones.
public struct SweepPlan: Codable, Equatable, Sendable {
  public struct Trial: Codable, Equatable, Sendable {
    /// Its folder in that of the sweep.
    public let name: Name
    /// As `--set` takes them.
    public let settings: [Name]

    /// Each key with its value.
    public var pairs: [(key: Name, value: String)] {
      settings.map { setting in
        let key = setting.utf8.prefix { $0 != UInt8(ascii: "=") }
        return (Name(Substring(key)), String(Substring(setting.utf8.dropFirst(key.count + 1))))
      }
    }
  }

  public var version = 1
  /// Of the recipe's text.
  public let recipeSHA256: Name
  /// What holds for all trials.
  public let settings: [Name]
  public let seed: UInt64
  /// Whether trials are given up on the way.
  public let halving: Bool
  public let trials: [Trial]

  /// The most trials of one sweep.
  public static let most = 10_000

  /// - grid: all combinations are tried, the last axis changing first.
  /// - random: drawn `draws` times, the same for each combination of the grid, so that these can be compared.
  package init(
    recipe: RecipeText, settings: [String], grid: [SearchAxis], random: [SearchAxis], draws: Int,
    seed: UInt64, halving: Bool
  ) throws(Failure) {
    var keys: Set<Name> = []
    if let double = (grid + random).first(where: { !keys.insert($0.key).inserted }) {
      throw .usage("\(double.key) is given twice; one --grid or --random has all its values")
    }
    var combinations: [[Name]] = [[]]
    for axis in grid {
      guard case .list(let values) = axis.values else { preconditionFailure("a grid has values") }
      guard combinations.count * values.count <= Self.most else { throw Self.tooMany }
      combinations = combinations.flatMap { start in values.map { start + ["\(axis.key)=\($0)"] } }
    }
    guard combinations.count * draws <= Self.most else { throw Self.tooMany }
    let all = (0..<draws).flatMap { draw in
      combinations.map { $0 + random.enumerated().map { Self.draw(draw, $0, of: $1, seed) } }
    }
    trials = all.enumerated().map { number, settings in
      Trial(name: Name("trial-" + String(printf: "%03ld", number + 1)), settings: settings)
    }
    recipeSHA256 = Name(Array(recipe.yaml.utf8).withUnsafeBytes { SHA256.hash($0).hexadecimal })
    self.settings = settings.map { Name($0) }
    (self.seed, self.halving) = (seed, halving)
  }

  private static let tooMany = Failure.usage(
    "these are more than \(most) trials; give fewer values, or draw with --random and --trials")

  /// A value depends on the seed, its number and its axis's place alone.
  private static func draw(_ number: Int, _ place: Int, of axis: SearchAxis, _ seed: UInt64) -> Name {
    let key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    // "swee": other streams of this seed are none of these.
    let counter = SIMD4(UInt32(number), UInt32(place), 0x7377_6565, 0)
    let block = Philox.block(counter: counter, key: key)
    let bits = (UInt64(block.x) << 32 | UInt64(block.y)) >> 11
    let share = Double(bits) / Double(UInt64(1) << 53)
    return switch axis.values {
    case .list(let values): "\(axis.key)=\(values[min(Int(share * Double(values.count)), values.count - 1)])"
    case .range(let range): "\(axis.key)=\(range.value(at: share))"
    }
  }

  /// Why a sweep that was begun by `other` is another one; nil where it is this one, perhaps with fewer trials.
  func difference(from other: SweepPlan) -> String? {
    if version != other.version { return "another version of recur began it" }
    if recipeSHA256 != other.recipeSHA256 { return "the recipe's text is another one" }
    if settings != other.settings { return "--set was \(other.settings.map(\.text).joined(separator: " "))" }
    if seed != other.seed { return "--seed was \(other.seed)" }
    if halving != other.halving { return "it was begun with\(other.halving ? "" : "out") --halving" }
    for (own, there) in zip(trials, other.trials) where own != there {
      return "\(there.name) was \(there.settings.map(\.text).joined(separator: " "))"
    }
    // The better half of more trials may be another one.
    if other.trials.count > trials.count || halving && other.trials.count != trials.count {
      return "it has \(other.trials.count) trials"
    }
    return nil
  }

  enum CodingKeys: String, CodingKey {
    case version, settings, seed, halving, trials
    case recipeSHA256 = "recipe_sha256"
  }
}
