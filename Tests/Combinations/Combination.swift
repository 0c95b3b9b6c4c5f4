/// One recipe with its data, made from two numbers alone.
public struct Combination: Sendable {
  public let seed: Int
  public let number: Int
  public let kind: DataKind
  public let recipe: Tree
  /// How this recipe is spoilt, to see that it is then refused.
  public let mistake: Mistake

  /// What is tried here: the kind of data, each key, and each word that a key can be.
  public var features: Set<String> {
    var features: Set = ["data: \(kind.rawValue)", "mistake: \(mistake.name)"]
    for (path, value) in recipe.leaves {
      features.insert(path)
      if let word = value.text, Coverage.choices.contains(path) { features.insert("\(path) \(word)") }
    }
    for layer in recipe["model.head"]?.list ?? [] {
      switch layer {
      case .text(let name): features.insert("model.head \(name)")
      case .map(let settings): for key in settings.keys { features.insert("model.head \(key)") }
      default: break
      }
    }
    if recipe["model.decoder"] != nil, kind != .pairs { features.insert(Self.decoderOfNumbers) }
    return features
  }

  static let decoderOfNumbers = "model.decoder of numbers"

  /// Combinations come in blocks that try everything: each is the one of several drawn that adds the most to those before it.
  public static let block = 66
  private static let candidates = 24

  /// - count: combinations from `first` on.
  public static func planned(seed: Int, from first: Int, count: Int) -> [Combination] {
    (first / block...(first + max(count, 1) - 1) / block).flatMap { planBlock(seed, $0) }
      .filter { (first..<first + count).contains($0.number) }
  }

  private static func planBlock(_ seed: Int, _ index: Int) -> [Combination] {
    var times: [String: Int] = [:]
    return (index * block..<(index + 1) * block).map { number in
      let drawn = (0..<candidates).map { Self.drawn(seed, number, candidate: $0, times) }
      // What was never tried counts most, what was tried often for next to nothing.
      let gains = drawn.map { drawn in
        drawn.features.reduce(0) { $0 + (times[$1].map { 100 / $0 } ?? 10_000) }
      }
      let best = drawn[gains.indices.max { gains[$0] < gains[$1] }!]
      for feature in best.features { times[feature, default: 0] += 1 }
      return best
    }
  }

  /// - times: how often each feature was tried.
  private static func drawn(_ seed: Int, _ number: Int, candidate: Int, _ times: [String: Int]) -> Combination
  {
    var generator = RecipeGenerator(Dice(seed, number, candidate))
    let (kind, recipe) = generator.draw()
    let mistakes = Mistake.all.filter { $0.applies(kind, recipe) }
    let tries = mistakes.map { times["mistake: \($0.name)"] ?? 0 }
    let rarest = zip(mistakes, tries).filter { $0.1 == tries.min() }.map(\.0)
    return Combination(
      seed: seed, number: number, kind: kind, recipe: recipe, mistake: generator.dice.pick(rarest))
  }
}
