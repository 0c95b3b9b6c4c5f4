import Dataset
import Files
import Recur

/// Recipes for files that are no tables.
extension Init {
  func writeArrays(_ path: String, _ draft: inout RecipeDraft) throws {
    // text: a file's ending.
    let stem = path.hasBytes(last: ".npy") ? String(path.dropLast(4)) : path
    let labels = label.map { Paths.absolute($0) } ?? stem + "-labels.npy"
    let array = try NPYFile(path: path, key: "FILE")
    if label == nil, (try? NPYFile(path: labels, key: "")) == nil {
      let what =
        NPYFile.isOfArchive(path)
        ? "array with its labels or targets: --label FILE.npz:ARRAY"
        : "file with its labels or targets: --label FILE"
      throw Failure.usage("\(path): name the \(what)")
    }
    let targets = try NPYFile(path: labels, key: "--label")
    if label == nil { draft.guess("labels: \(Paths.name(of: labels)), which lies beside it") }
    draft.section("data")
    draft.add("format", "npy")
    draft.add("path", RecipeDraft.text(path), "\(array.shape), \(array.element.rawValue)")
    let isOfClasses = targets.element.isInteger
    draft.add("labels_path", RecipeDraft.text(labels), isOfClasses ? "classes" : "numbers")
    draft.add("scale", "standard")
    writeSplit(
      array.shape.first ?? 0, classes: isOfClasses ? targets.labels : nil, &draft)
    writeModel(steps: array.shape.count == 3 ? array.shape[1] : 1, isOfClasses: isOfClasses, &draft)
    writeTraining(isOfClasses ? "cross_entropy" : "mse", samples: array.shape.first ?? 0, &draft)
  }

  func writeSeries(_ path: String, _ kind: Format, _ draft: inout RecipeDraft) throws {
    var (samples, isOfClasses) = (1000, true)
    // Whatever is missing, and wherever, this rule has something to put there.
    let rule = DataSpecification.GapPolicy.mask
    draft.section("data")
    draft.add("format", kind.rawValue)
    if kind == .ts {
      let series = try TSFile(InputFile(path: path, key: "FILE"), gaps: rule)
      var hasGaps = series.hasGaps
      (samples, isOfClasses) = (series.samples, !series.header.hasTargetValues)
      let what = isOfClasses ? "\(series.header.classNames.count) classes" : "a number each"
      draft.add(
        "path", RecipeDraft.text(path), "\(samples) series of \(series.dimensions) dimensions, \(what)")
      // text: names of the archive's files.
      let test = path.replacing("_TRAIN", with: "_TEST")
      if !test.hasSameBytes(as: path), (try? InputFile(path: test, key: "")) != nil {
        draft.guess("test part: \(Paths.name(of: test)), which lies beside it")
        draft.add("test_path", RecipeDraft.text(test))
        hasGaps = try TSFile(InputFile(path: test, key: "FILE"), gaps: rule).hasGaps || hasGaps
      }
      draft.add("scale", "standard")
      if hasGaps {
        draft.add(
          "gaps", rule.rawValue, "the mean in place of what is missing, and beside it whether it was there")
        draft.guess("values are missing; gaps: \(rule.rawValue) tells the network which")
      }
      writeSplit(
        samples, hasTest: !test.hasSameBytes(as: path), classes: isOfClasses ? series.classes : nil, &draft)
    } else {
      draft.add("path", RecipeDraft.text(path), "pixels / 255, an image's rows as steps")
      draft.add("split", "{train: 0.9, validation: rest}", "the t10k files are the test part")
    }
    writeModel(steps: 2, isOfClasses: isOfClasses, &draft)
    writeTraining(isOfClasses ? "cross_entropy" : "mse", samples: samples, &draft)
  }

  func writeTokens(_ path: String, _ kind: Format, _ draft: inout RecipeDraft) throws {
    if format == nil, kind == .text {
      draft.guess("format: text, whose next characters are learned; --format tagged or pairs else")
    }
    draft.section("data")
    draft.add("format", kind.rawValue)
    draft.add("path", RecipeDraft.text(path))
    if kind == .tagged, try isNumbered(path) {
      draft.add("token_column", "1", "from 0: a word's number stands in front of it")
      draft.add("tag_column", "3")
    }
    if kind != .tagged { draft.add("tokens", "char", "or word") }
    if kind == .text { draft.add("sequence_length", "64", "gradients do not reach further back") }
    draft.add("split", "{train: 0.8, validation: 0.1, test: rest}")
    draft.section("model")
    draft.add("embedding", "64", "numbers of each token's vector")
    draft.add("cell", "lstm")
    draft.add("hidden_size", "128")
    if kind != .pairs { draft.add("readout", "every_step") }
    if kind == .tagged { draft.add("bidirectional", "true") }
    if kind == .pairs { draft.add("decoder", "{embedding: 64, attention: dot}") }
    draft.add("head", "[{linear: classes}]")
    writeTraining("cross_entropy", samples: 1000, &draft)
  }

  /// Whether tokens stand as CoNLL-U has them: ten columns, the first of them the token's number.
  private func isNumbered(_ path: String) throws -> Bool {
    let file = try InputFile(path: path, key: "FILE")
    let lines = Lines.texts(of: file.withBytes { Array($0.prefix(1 << 16)) })
    guard let first = lines.first(where: { !$0.isEmpty && $0.utf8.first != UInt8(ascii: "#") }) else {
      return false
    }
    let columns = first.utf8.split(separator: 9, omittingEmptySubsequences: false)
    return columns.count == 10 && columns[0].allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: "-") }
  }

  func writeModel(steps: Int, isOfClasses: Bool, _ draft: inout RecipeDraft) {
    let last = "{linear: \(isOfClasses ? "classes" : "targets")}"
    draft.section("model")
    if steps > 1 {
      draft.add("cell", "gru", "or lstm, rnn")
      draft.add("hidden_size", "32")
      draft.add("readout", "last_step")
      draft.add("head", "[\(last)]")
    } else {
      draft.add("cell", "none", "no steps: a feed-forward network")
      draft.add("head", "[{linear: 32}, relu, \(last)]")
    }
  }

  /// - classes: of the samples in the order of the file, where they could stand in any.
  func writeSplit(
    _ samples: Int, hasTest: Bool = false, unit: String = "", classes: [Int32]? = nil,
    _ draft: inout RecipeDraft
  ) {
    if samples < Self.fewSamples {
      draft.guess("\(samples) samples are too few to keep some for validation; all are for training")
      return
    }
    draft.add(
      "split", "{\(unit)train: \(hasTest ? "0.85, validation: rest" : "0.7, validation: 0.15, test: rest")}",
      unit.isEmpty ? "in the order of the file" : "shares of all times")
    if let classes, areInRuns(classes) {
      draft.guess(
        "samples of one class stand together: split in the order of the file, the parts have other classes; shuffle the samples first"
      )
    }
  }

  /// Whether the class changes from sample to sample far more seldom than where they stand in any order, n(1 - Σp²) times.
  private func areInRuns(_ classes: [Int32]) -> Bool {
    let known = classes.filter { $0 >= 0 }
    let counts = Dictionary(known.map { ($0, 1.0) }, uniquingKeysWith: +)
    let (count, squares) = (Double(known.count), counts.values.reduce(0) { $0 + $1 * $1 })
    let changes = zip(known, known.dropFirst()).count { $0 != $1 }
    return count > 0 && Double(changes) < (count - squares / count) / 4
  }

  static let fewSamples = 20

  func writeTraining(_ loss: String, samples: Int, patience: Int = 5, _ draft: inout RecipeDraft) {
    draft.add("loss", loss, indented: false)
    draft.add("optimizer", "{name: adam, lr: 0.003}", indented: false)
    draft.add(
      "train", "{epochs: 30, batch_size: \(min(32, max(1, samples / 4))), clip_norm: 1.0}", indented: false)
    guard samples >= Self.fewSamples else { return }
    draft.add(
      "early_stopping", "{metric: validation.loss, patience: \(patience)}", indented: false,
      "the best epoch's parameters are kept")
  }
}
