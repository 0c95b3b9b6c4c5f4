import CKernels

extension SteppedLayer {
  /// What a mask is for; numbers the masks of a layer.
  private enum Mask: UInt32 {
    case recurrent = 0x3000_0000
    case hiddenZone = 0x5000_0000
    case cellZone = 0x6000_0000
  }

  /// Draws the batch's masks; in evaluation zoneout mixes by its probability and nothing is dropped.
  func drawMasks(_ pass: RecurrentLayer.Pass) {
    let rows = pass.rows
    if options.recurrentDropout > 0 {
      // One mask for all steps of a sample (Gal and Ghahramani 2016).
      let one = BatchRows(steps: 1, batch: rows.batch)
      draw(
        .recurrent, options.recurrentDropout, one, pass.key, width: sizes.width, units: sizes.units,
        recurrentMask.base)
    }
    if options.zoneout.hidden > 0 {
      draw(
        .hiddenZone, options.zoneout.hidden, rows, pass.key, width: sizes.width, units: sizes.units,
        hiddenZone.base)
    }
    if options.zoneout.cell > 0 {
      draw(
        .cellZone, options.zoneout.cell, rows, pass.key, width: sizes.hidden, units: sizes.cellUnits,
        cellZone.base)
    }
  }

  private func draw(
    _ kind: Mask, _ probability: Float, _ rows: BatchRows, _ key: MaskKey?, width: Int, units: Int,
    _ mask: UnsafeMutablePointer<Float>
  ) {
    let count = rows.count * units
    guard let key else {
      mask.update(repeating: kind == .recurrent ? 1 : probability, count: count)
      return
    }
    mask.update(repeating: 1, count: count)
    var settings = rk_dropout(
      seed: key.seed, step: key.step, layer: kind.rawValue + options.number, probability: probability)
    rk_dropout_apply(
      &settings, mask, mask, rows.steps, rows.batch, rows.offsets, units, 1, width, units, key.samples)
    // A dropped unit is one that keeps its old state.
    if kind != .recurrent { for i in 0..<count { mask[i] = mask[i] == 0 ? 1 : 0 } }
  }
}
