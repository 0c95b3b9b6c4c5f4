import Collective
import Diagnostics
import Exchange
import Files
import Recipes
import Recurrent

/// What TensorBoard shows of a run: the numbers of `metrics.jsonl`, histograms of parameters and gradients, pictures of what is predicted,
/// and the recipe's keys. Rank 0 writes it, beside training; nothing that training computes depends on it.
final class TensorBoardLog {
  private let file: EventFile
  private let histogramsEvery: Int
  private var nextPicture: UInt64 = 0
  /// What makes the gradients of the last step means; nil where this rank does not have them.
  var gradientScale: Double?
  /// The step of the last picture.
  private var drawn: Int?

  /// In the run's own folder.
  static let folder = "tensorboard"

  /// - path: the folder for TensorBoard, which is made where it is missing.
  /// - run: the run's ID.
  /// - step: what the run goes on from; nil for a new one.
  /// - log: `metrics.jsonl`, cut to where the run goes on.
  /// - overwrite: whether event files of earlier runs of this program may be removed.
  init(
    _ path: String, recipe: Recipe, run: String, resumedAt step: Int?, log: String, overwrite: Bool,
    fileSystem: FileSystem
  ) throws(Failure) {
    let path = FileSystem.absolute(path)
    try fileSystem.makeDirectories(path)
    let folder = try Directory(path, fileSystem)
    if step == nil { try Self.clear(folder, overwrite: overwrite) }
    file = try EventFile(
      in: folder, run: run, resumedAt: step, metrics: step == nil ? [] : Self.scalars(of: log))
    histogramsEvery = recipe.train.tensorboardHistograms
    try file.add(
      Name(TensorBoardSetting.startTag), step: 0,
      .settings(name: recipe.name, start: EventFile.now, Self.settings(of: recipe)))
  }

  private static func clear(_ folder: Directory, overwrite: Bool) throws(Failure) {
    try requireFree(folder, overwrite: overwrite)
    for name in try folder.names() where EventFile.isOwn(name) { try folder.remove(name) }
  }

  /// Removes what this program wrote in a run's own folder of events.
  static func removeEvents(of run: String, fileSystem: FileSystem) throws(Failure) {
    guard let own = try Directory(run, fileSystem).directory(folder, makes: false) else { return }
    for name in try own.names() where EventFile.isOwn(name) { try own.remove(name) }
  }

  /// Throws where the events of a new run would come among those of another one. Changes nothing.
  static func requireFree(_ path: String, overwrite: Bool, fileSystem: FileSystem) throws(Failure) {
    guard fileSystem.exists(FileSystem.absolute(path)) else { return }
    try requireFree(Directory(FileSystem.absolute(path), fileSystem), overwrite: overwrite)
  }

  private static func requireFree(_ folder: Directory, overwrite: Bool) throws(Failure) {
    let foreign = try folder.names().first {
      EventFile.isEventFile($0) && !(overwrite && EventFile.isOwn($0))
    }
    guard let foreign else { return }
    throw .usage(
      "\(folder.path) holds events of another run (\(foreign)), which TensorBoard would show as one with this run's; choose another folder"
    )
  }

  private static func scalars(of log: String) throws(Failure) -> [MetricsScalars] {
    var lines: [MetricsScalars] = []
    let file = try InputFile(path: log, key: "the log of a run")
    try file.forEachLine { (line, _) throws(Failure) in
      if let scalars = MetricsScalars(line) { lines.append(scalars) }
    }
    return lines
  }

  /// Keys as numbers, flags and words; what is null is left out.
  private static func settings(of recipe: Recipe) -> [(key: String, value: TensorBoardSetting)] {
    recipe.keyValues.compactMap { key, value in
      if value.hasSameBytes(as: "null") || key == "name" { return nil }
      if value.hasSameBytes(as: "true") || value.hasSameBytes(as: "false") {
        return (key.text, .flag(value.hasSameBytes(as: "true")))
      }
      return (key.text, Double(value).map { .number($0) } ?? .word(value))
    }
  }

  /// A line of `metrics.jsonl`, as it was written.
  func add(_ line: String) throws(Failure) {
    if let scalars = MetricsScalars(line.utf8) { try file.add(scalars) }
  }

  /// Parameters, and the mean gradients of the last step where this rank has them.
  /// - epoch: from 1.
  func epochEnded(_ epoch: Int, step: Int, _ model: Model) throws(Failure) {
    guard histogramsEvery > 0, epoch % histogramsEvery == 0 else { return }
    for entry in model.layout.entries {
      try file.add(
        "parameters/\(entry.name)", step: step,
        .histogram(TensorBoardHistogram(UnsafeBufferPointer(rebasing: model.parameters[entry.range]))))
      guard let gradientScale else { continue }
      try file.add(
        "gradients/\(entry.name)", step: step,
        .histogram(
          TensorBoardHistogram(
            UnsafeBufferPointer(rebasing: model.gradients[entry.range]), scale: gradientScale)))
    }
  }

  /// - picture: is asked for where the ones before have taken less than a tenth of the time, or this is the last.
  func draw(step: Int, isLast: Bool, _ picture: () throws -> TrainingPicture?) throws {
    let begin = monotonicNanoseconds()
    guard isLast || begin >= nextPicture, step != drawn else { return }
    drawn = step
    if let picture = try picture() { try add(picture, step: step) }
    let end = monotonicNanoseconds()
    nextPicture = end + 9 * (end - begin)
  }

  private func add(_ picture: TrainingPicture, step: Int) throws(Failure) {
    try file.add(
      "pictures/\(picture.name)", step: step,
      .png(picture.png, width: picture.width, height: picture.height))
  }

  /// - hasEnded: whether the run is at its end, and was not stopped.
  func finish(hasEnded: Bool) throws(Failure) {
    if hasEnded {
      try file.add(Name(TensorBoardSetting.endTag), step: 0, .ended(time: EventFile.now))
    }
    try file.close()
  }
}

/// A picture of what a network says at a step.
public struct TrainingPicture: Sendable {
  public var name: String
  /// The whole file.
  public var png: [UInt8]
  public var width: Int
  public var height: Int

  public init(name: String, png: [UInt8], width: Int, height: Int) {
    (self.name, self.png, self.width, self.height) = (name, png, width, height)
  }
}
