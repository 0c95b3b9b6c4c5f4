import Files
import Recur

extension CheckpointedModel {
  /// What data of the recipe's format are read as where their answers need not be there: all samples, scaled and numbered as in
  /// training.
  /// - path: the file, or `-`; `name` says so in messages.
  func inputSpecification(_ path: String, named name: String) -> DataSpecification {
    var specification = recipe.data.reading(path, named: name)
    specification.split = .init()
    specification.areTargetsOptional = true
    specification.targetWidth = targetWidth
    // No loss is computed of them.
    specification.targetRange = nil
    (specification.validationPath, specification.testPath) = (nil, nil)
    (specification.labelsPath, specification.labelsPaths) = (nil, [])
    (specification.validationLabelsPath, specification.testLabelsPath) = (nil, nil)
    return specification
  }

  /// Another file in place of the recipe's.
  /// - labels: npy and idx: the file with its answers.
  func loadData(from path: String, labels: String? = nil) throws -> LoadedData {
    var specification = inputSpecification(path == "-" ? path : Paths.absolute(path), named: "--input")
    guard labels == nil || specification.format == .npy || specification.format == .idx else {
      throw Failure.usage(
        "--labels is for npy and idx; \(specification.format.rawValue) files hold their labels")
    }
    specification.labelsPath = labels.map { Paths.absolute($0) }
    return try loadData(specification)
  }

  /// How many numbers are predicted for a sample, where no data say so.
  private var targetWidth: Int {
    if let targets = scaler?.targets.count, targets > 0 { return targets }
    // text: a name of this program's layout.
    let outputs = file.tensors.first { $0.name == "fc.weight" }?.shape.first ?? 1
    return max(1, outputs / recipe.loss.outputsPerTarget)
  }
}

/// Samples to predict.
struct PredictedPart {
  /// What the column "split" calls it.
  let name: String
  /// Where its rows start in `LoadedData.rows`.
  let offset: Int
  /// The number of its first sample.
  var first = 0
  let samples: any SampleSet
}

extension LoadedData {
  func predictedParts(_ wish: DataPart?) throws -> [PredictedPart] {
    try parts(wish).map {
      PredictedPart(name: $0.split.rawValue, offset: rowOffset(of: $0.split), samples: $0.samples)
    }
  }

  /// New data: one part of their own. A folder of images has two, whose numbers go on.
  var inputParts: [PredictedPart] {
    var parts: [PredictedPart] = []
    for samples in [train, test].compactMap({ $0 }) {
      let first = parts.reduce(0) { $0 + $1.samples.count }
      parts.append(PredictedPart(name: "input", offset: first, first: first, samples: samples))
    }
    return parts
  }

  /// Where the rows of a part start in `rows`.
  private func rowOffset(of split: DataPart) -> Int {
    switch split {
    case .train: 0
    case .validation: train?.count ?? 0
    case .test: (train?.count ?? 0) + (validation?.count ?? 0)
    }
  }
}
