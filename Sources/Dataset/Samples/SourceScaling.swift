import Batches
import Diagnostics

/// Rows of a table that a scale is fitted on.
private typealias Stretch = (table: any NumberTable, rows: Range<Int>)

extension SampleSources {
  /// Fits what the specification asks for; nil where nothing is scaled and nothing may be missing.
  func fit(
    _ data: DataSpecification, train: Range<Int>?, _ group: LoadingGroup?
  ) throws(Failure) -> Scaler? {
    let method = Scaler.Method(rawValue: data.scale.rawValue)
    if method == nil, !data.gaps.fillsMeans { return nil }
    // Of series there may be very many, each with a few rows: those every process looks at itself.
    let group = all.contains { $0.isDivided && $0.series == nil } ? group : nil
    var inputs: [Stretch] = []
    var targets: [Stretch] = []
    switch data.fitScaleOn {
    case .all:
      for source in all { source.add([0..<source.inputs.rows], to: &inputs, &targets) }
    case .train:
      guard let train else {
        throw .badData("data.fit_scale_on is train, but the split has no training samples; set it to all")
      }
      main.add(training: train, to: &inputs, &targets)
    }
    let fitted = try fit(method, data, "", inputs, targets, group).scale
    var scaler = Scaler(
      method: method ?? .minmax, features: fitted.features, targets: fitted.targets)
    scaler.fills = fitted.fills
    if data.scalePer == .series { scaler.series = try seriesScales(method, data, fitted) }
    return scaler
  }

  /// The scales of one series, or of all, and which of them are of columns that never change there.
  private struct Fitted {
    var scale: Scaler.SeriesScale
    let (features, targets): ([Bool], [Bool])
  }

  private func fit(
    _ method: Scaler.Method?, _ data: DataSpecification, _ name: String, _ inputs: [Stretch],
    _ targets: [Stretch], _ group: LoadingGroup?
  ) throws(Failure) -> Fitted {
    let inputs = try Scaler.fit(method ?? .minmax, inputs, group)
    let outputs = try Scaler.fit(method ?? .minmax, targets, group)
    // A target has one scale at all horizons.
    let copies = outputs.columns.isEmpty ? 0 : (main.values?.columns ?? 0) / outputs.columns.count
    var targets = [[Scaler.ColumnScale]](repeating: outputs.columns, count: copies).flatMap { $0 }
    if data.targetsAreCounts { targets = targets.map { _ in .identity } }
    let scaled = main.scaledInputs ?? inputs.columns.count
    var fitted = Scaler.SeriesScale(
      name: name, features: Array(inputs.columns[..<scaled]), targets: targets,
      fills: data.gaps.fillsMeans ? Array(inputs.means[..<scaled]) : nil)
    if method == nil {
      // Only means are wanted.
      fitted.features = fitted.features.map { _ in .identity }
      fitted.targets = []
    }
    return Fitted(
      scale: fitted, features: inputs.areConstant,
      targets: [[Bool]](repeating: outputs.areConstant, count: copies).flatMap { $0 })
  }

  /// Those of each series of the main file that has rows of training.
  ///
  /// A static column is the same within a series, so only the scale over all tells series apart by it. Any other that never changes in
  /// the rows of a series has nothing to take a scale from but those of all: it keeps the series' own offset.
  private func seriesScales(
    _ method: Scaler.Method?, _ data: DataSpecification, _ all: Scaler.SeriesScale
  ) throws(Failure) -> [Scaler.SeriesScale] {
    guard let details = main.series, let windows = details.windows else { return [] }
    var scales: [Scaler.SeriesScale] = []
    for (series, name) in details.table.names.enumerated() {
      let rows = data.fitScaleOn == .all ? details.table.history(series) : windows.trainRows[series]
      if rows.isEmpty { continue }
      var (inputs, targets): ([Stretch], [Stretch]) = ([], [])
      main.add([rows], to: &inputs, &targets)
      let fitted: Fitted
      do throws(Failure) { fitted = try fit(method, data, name, inputs, targets, nil) } catch {
        throw .badData("series \(quoted(name)): \(error.message)")
      }
      var scale = fitted.scale
      for column in scale.features.indices where fitted.features[column] {
        scale.features[column].take(all.features[column].scale, method)
      }
      if !data.targetsAreCounts {
        for column in scale.targets.indices where fitted.targets[column] {
          scale.targets[column].take(all.targets[column].scale, method)
        }
      }
      for column in data.features.count..<data.features.count + data.statics.count {
        scale.features[column] = all.features[column]
        scale.fills?[column] = all.fills?[column] ?? 0
      }
      scales.append(scale)
    }
    return scales
  }
}

extension Scaler.ColumnScale {
  /// Another scale, at which what came out as 0 still does.
  fileprivate mutating func take(_ scale: Double, _ method: Scaler.Method?) {
    // minmax: x · scale + offset; standard: (x - offset) / scale.
    if method == .minmax { offset = offset / self.scale * scale }
    self.scale = scale
  }
}

extension SampleSource {
  /// The rows of inputs and of targets that samples of training see.
  fileprivate func add(training: Range<Int>, to inputs: inout [Stretch], _ targets: inout [Stretch]) {
    if let windows = series?.windows {
      return add(windows.trainRows.filter { !$0.isEmpty }, to: &inputs, &targets)
    }
    let rows = rows(of: training)
    inputs.append((self.inputs, rows.inputs))
    if let values = values?.unshifted { targets.append((values, rows.targets)) }
  }

  fileprivate func add(_ rows: [Range<Int>], to inputs: inout [Stretch], _ targets: inout [Stretch]) {
    for rows in rows {
      inputs.append((self.inputs, rows))
      // Targets may have rows of their own.
      if let values = values?.unshifted { targets.append((values, record == nil ? 0..<values.rows : rows)) }
    }
  }
}

extension SampleSource {
  /// The samples scaled, as sets of the given ranges that share one array.
  /// - memory: bytes that may be kept of inputs that stay in their files; nil where they do not.
  func sets(
    _ ranges: [Range<Int>?], shape: SampleShape, _ scaler: Scaler?, staysInFiles memory: Int?,
    _ group: LoadingGroup?
  ) throws(Failure) -> [SequenceSet<Float>?] {
    let group = isDivided ? group : nil
    let inputScaling = scaling(scaler) { .init(columns: $0.features, fills: $0.fills) }
    let stored = memory.flatMap { memory in
      shards.map { StoredRows($0, inputScaling, layout, block: block, memory: memory) }
    }
    let inputs = try stored == nil ? inputs.floats(inputScaling, group) : .own([])
    let values =
      try values?.floats(scaling(scaler) { .init(columns: $0.targets) }, group) ?? .own([])
    let classes = try Elements.own(classes).once(group)
    return ranges.map { range in
      range.map {
        var set = SequenceSet(
          shape: shape, layout: layout, samples: $0, inputs: inputs, values: values, classes: classes)
        set.stored = stored
        if let series {
          set.bases = bases
          (set.categories, set.weights) = (.own(series.categories), .own(series.weights))
          if let scaler, scaler.series != nil, let windows = series.windows {
            let columns = scaler.scales(of: series.table.names).map(\.targets)
            set.scales = SeriesScales(series: windows.series, columns: columns)
          }
        }
        return set
      }
    }
  }

  private func scaling(_ scaler: Scaler?, _ scale: (Scaler.SeriesScale) -> RowScaling.TableScale)
    -> RowScaling
  {
    RowScaling(scaler, names: series?.table.names ?? [], starts: series?.table.starts ?? [], scale)
  }
}
