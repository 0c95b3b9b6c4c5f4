// MARK: - tables of series

extension RecipeGenerator {
  /// What a table of several series says besides: which rows belong together, their times, and columns of other kinds.
  mutating func drawSeries(_ column: (String) -> Tree) {
    if dice.chance(0.5) { drawOtherColumns(column) }
    guard !kind.isGrouped, dice.chance(0.5) else { return }
    if dice.chance(0.7) { recipe["data.time"] = column("time") }
    drawOwners(column)
    guard recipe["data.time"] != nil else { return }
    maybe(0.4, "data.calendar", ["month"], ["weekday", "year_day"], ["day", "hour", "minute"])
    maybe(0.3, "data.time_format", "%Y-%m-%d")
  }

  private mutating func drawOtherColumns(_ column: (String) -> Tree) {
    if dice.chance(0.5) {
      recipe["data.categorical"] = .list(dice.pick([["kind"], ["kind", "shop"]]).map(column))
    }
    if dice.chance(0.3) { recipe["data.weight"] = column("weight") }
    if !kind.isGrouped, dice.chance(0.3) { recipe["data.known"] = [column("promo")] }
    // Gaps in words are left alone.
    if dice.chance(0.3) { recipe["data.gaps"] = dice.pick(["mean", "mask"]) }
    maybe(0.2, "data.na", ["", "missing"])
  }

  private mutating func drawOwners(_ column: (String) -> Tree) {
    let hasFiles = recipe["data.header"] != false && !kind.hasLabel
    switch dice.within(0...5) {
    case 0 where hasFiles && recipe["data.categorical"] == nil && recipe["data.weight"] == nil:
      recipe["data.wide"] = ["a", "b"]
      (recipe["data.features"], recipe["data.targets"]) = (nil, nil)
    case 1:
      recipe["data.path"] = nil
      recipe["data.paths"] = ["series.csv", "more-series.csv"]
    default:
      recipe["data.series"] = [column("shop")]
      if dice.chance(0.4) { recipe["data.static"] = [column("fixed")] }
    }
    maybe(0.5, "data.scale_per", "series", "all")
    // Changes are no shares.
    if !kind.hasLabel, recipe["data.per_step"] == nil, !hasShares, !hasCounts {
      maybe(0.3, "data.relative", true)
    }
  }

  /// Shares of rows, of times or of series.
  mutating func drawSplitOfSeries() {
    // A part must hold all targets of a sample.
    guard kind != .csvHorizons, recipe["data.split"] != nil, recipe["data.per_step"] == nil else { return }
    var splits: [Tree] = [["by": "rows", "train": 0.5, "validation": 0.3, "test": "rest"]]
    if recipe["data.time"] != nil {
      splits.append(["by": "time", "train": "2020-02-20", "validation": "2020-03-10", "test": "rest"])
      splits.append(["by": "time", "train": 0.6, "validation": "rest"])
    }
    if recipe["data.series"] != nil {
      splits.append(["by": "series", "train": 1, "validation": 1, "test": "rest"])
    }
    if dice.chance(0.4) { recipe["data.split"] = dice.pick(splits) }
  }
}
