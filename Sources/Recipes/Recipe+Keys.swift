import Dataset
import Diagnostics
import Recurrent

extension Recipe: DeclaredSection {
  static let section = Section(
    start: Recipe(
      name: "", data: DataSpecification(format: .csv, path: ""),
      model: ModelSpecification(cell: .none, head: []),
      loss: .mse, train: TrainSpecification(epochs: 0, batchSize: 0)),
    keys: [
      Key("name", \.name, .folderName, "Names the run's folder and its report.").absent(
        "the name of the recipe's file"),
      Key(
        "seed", \.seed, .whole(0...Int.max),
        "Decides the parameters' start, the order of samples, and what dropout drops."),
      Key(
        "precision", \.precision, .choice(),
        "What the operands of matrix products are rounded to; all else stays float32."),
      Key("data", \.data, .section(), "Files, and how they become samples.").required(),
      Key("model", \.model, .section(), "The network.").required(),
      Key("loss", \.loss, .section(shorthand: true), "What is made small.").required(),
      Key("optimizer", \.optimizer, .section(shorthand: true), "How gradients change the parameters."),
      Key("schedule", \.schedule, .section(shorthand: true), "How the learning rate changes."),
      Key("train", \.train, .section(), "Epochs, batches and what is done with gradients.").required(),
      Key(
        "early_stopping", optional: \.earlyStopping, .section(),
        "When to stop before the last epoch; null for never."),
      Key(
        "checkpoint", \.checkpoint, .section(), "When the run is saved, and what is kept; its end always is."),
      Key("distributed", \.distributed, .section(), "How several ranks work together.")
        .checked { try $0.requireOneMomentum($1) },
    ])

  /// Refuses a momentum of ranks and another one of the optimizer.
  private func requireOneMomentum(_ map: RecipeMap) throws {
    guard distributed.topMomentum > 0, optimizer.hasMomentum else { return }
    throw map.failure(
      at: "distributed",
      "distributed.topk_momentum takes the place of the optimizer's momentum; set one of them to 0 (of adam the first of optimizer.betas)"
    )
  }
}

extension Codec where Value == String {
  /// A recipe's name: it becomes a folder's name.
  fileprivate static var folderName: Codec {
    Codec(.text) { node, place in
      let name = try node.text(place)
      if let why = unsafety(of: name) {
        throw node.failure("name must work as a folder's name, and \(quoted(name)) \(why)")
      }
      return name
    } write: {
      .text($0)
    }
  }

  /// Why no folder is to be called so; nil where one may be.
  private static func unsafety(of name: String) -> String? {
    if name.unicodeScalars.contains("/") { return "has a slash" }
    if let control = name.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) {
      return
        "has the control character U+\(String(control.value, radix: 16, uppercase: true).leftPadded(to: 4))"
    }
    // text: names that every folder has.
    if name == "." || name == ".." { return "is every folder's name for itself or the one above" }
    return name.utf8.count > 100 ? "has \(name.utf8.count) bytes, more than 100" : nil
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - utf8.count)) + self
  }
}
