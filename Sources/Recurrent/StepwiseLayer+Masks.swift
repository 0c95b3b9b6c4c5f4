import CKernels

extension StepwiseLayer {
  private func settings(_ mask: LayerMask, _ probability: Float, _ key: MaskKey) -> rk_dropout {
    rk_dropout(
      seed: key.seed, step: key.step, layer: mask.rawValue + options.number, probability: probability)
  }

  /// Draws the recurrent masks: one for all steps of a sample (Gal and Ghahramani 2016).
  func drawRecurrentMasks(_ pass: RecurrentLayer.LayerPass) {
    guard options.recurrentDropout > 0, let key = pass.key else { return }
    let (mask, batch, units) = (recurrentMask.base, pass.rows.batch, sizes.units)
    mask.update(repeating: 1, count: batch * units)
    var settings = settings(.recurrent, options.recurrentDropout, key)
    rk_dropout_apply(&settings, mask, mask, 1, batch, nil, units, 1, sizes.width, units, key.samples)
  }

  /// nil where nothing is dropped.
  func recurrentMask(_ pass: RecurrentLayer.LayerPass, row: Int) -> UnsafePointer<Float>? {
    guard options.recurrentDropout > 0, pass.key != nil else { return nil }
    return UnsafePointer(recurrentMask.base + row * sizes.units)
  }

  /// Draws which units keep their states of the step before: those that dropout would drop.
  func drawZones(_ pass: RecurrentLayer.LayerPass, _ step: StepRows) {
    guard let key = pass.key else { return }
    func draw(
      _ mask: LayerMask, _ probability: Float, _ zone: UnsafeMutablePointer<UInt8>,
      _ row: LayerSizes.StateWidth
    ) {
      var settings = settings(mask, probability, key)
      rk_dropout_mark(
        &settings, zone + step.first * row.units, step.time, step.rows.count, row.units, row.width,
        key.samples + step.rows.lowerBound)
    }
    if options.zoneout.hidden > 0 {
      draw(.hiddenZone, options.zoneout.hidden, hiddenZone.base, sizes.hiddenRow)
    }
    if options.zoneout.cell > 0 { draw(.cellZone, options.zoneout.cell, cellZone.base, sizes.cellRow) }
  }

  /// The zones of h and c from this row on; in evaluation states are mixed by the probability.
  func hiddenZone(_ pass: RecurrentLayer.LayerPass, _ row: Int) -> rk_zone {
    zone(pass, hiddenZone, options.zoneout.hidden, row * sizes.units)
  }
  func cellZone(_ pass: RecurrentLayer.LayerPass, _ row: Int) -> rk_zone {
    zone(pass, cellZone, options.zoneout.cell, row * sizes.cellUnits)
  }
  private func zone(
    _ pass: RecurrentLayer.LayerPass, _ kept: borrowing GrowingArray<UInt8>, _ probability: Float, _ at: Int
  ) -> rk_zone {
    let isDrawn = pass.key != nil && probability > 0
    return rk_zone(kept: isDrawn ? UnsafePointer(kept.base + at) : nil, share: probability)
  }
}
