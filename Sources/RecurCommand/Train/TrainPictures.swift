import Recur

/// Draws what a network says while it is trained, for TensorBoard: its confusions, or its predictions over what came.
final class TrainPictures {
  private var gnuplot: Gnuplot?
  private let note: (String) -> Void
  private var isAsked = false

  /// - note: is given a line where there is no picture.
  init(note: @escaping (String) -> Void) { self.note = note }

  /// Of the parts that were kept from training; nil where the data have no picture. That none can be drawn is said once, and is no
  /// reason to stop.
  func picture(_ recipe: Recipe, _ data: LoadedData, _ model: Model) -> TrainingPicture? {
    if !isAsked {
      isAsked = true
      do { gnuplot = try Gnuplot() } catch { stop(error) }
    }
    guard let gnuplot else { return nil }
    do {
      guard let panel = try panel(recipe, data, model) else { return nil }
      let figure = Figure(title: "\(recipe.name): \(recipe.model.summary)", panels: [panel])
      let png = [UInt8](try gnuplot.draw(GnuplotScript(figure: figure, terminal: .png)))
      let (width, height) = Self.size(png)
      return TrainingPicture(
        name: panel.matrix == nil ? "predictions" : "confusion", png: png, width: width, height: height)
    } catch {
      stop(error)
      return nil
    }
  }

  private func stop(_ error: any Error) {
    gnuplot = nil
    note("TensorBoard gets no pictures: \(error)")
  }

  private func panel(_ recipe: Recipe, _ data: LoadedData, _ model: Model) throws -> Panel? {
    guard let part = try data.parts(nil).last, data.shape.sourceSteps == nil else { return nil }
    if case .values = data.shape.target {
      let kept = try data.parts(nil).map(\.split)
      return try Panel.predictions(recipe, Predictions(recipe.loss, data, model: model), kept)
    }
    let evaluator = Evaluator(model: model, loss: recipe.loss, scaler: data.scaler)
    return .confusion(try evaluator.examine(part.samples, classNames: data.classNames).details, part.split)
  }

  /// Width and height stand after the mark and the head of the first chunk (PNG specification, 11.2.2).
  private static func size(_ png: [UInt8]) -> (width: Int, height: Int) {
    func number(_ start: Int) -> Int { png.dropFirst(start).prefix(4).reduce(0) { $0 << 8 | Int($1) } }
    return (number(16), number(20))
  }
}
