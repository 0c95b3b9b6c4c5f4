import Batches
import Diagnostics
import Files

extension LoadedData {
  /// The folder's train files, which may be split further, and its t10k files as the test part.
  init(
    idx specification: DataSpecification, _ classNames: [String]?, _ group: LoadingGroup?
  ) throws(Failure) {
    let folder = specification.path
    // Given by the recipe, so that all processes refuse or none.
    try IDXPart.requireRoom(specification)
    let isFile = specification.areTargetsOptional && !Paths.isFolder(folder)
    let main = try isFile ? IDXPart(specification, group) : IDXPart("train", specification, group)
    let held = try isFile ? nil : IDXPart("t10k", specification, group)
    guard let any = main ?? held else { throw IDXPart.missing("train-images-idx3-ubyte", folder) }
    if let main, let held, main.images.shape[1...] != held.images.shape[1...] {
      throw .badData("\(held.images.path): its images have another size than those of \(main.images.path)")
    }
    if held != nil && specification.split.test != nil {
      throw .badData("data.split.test is not for \(folder): its t10k files are the test part")
    }
    let count = classNames?.count ?? Int(any.labels?.elements.withUnsafeBufferPointer { $0.max() } ?? 0) + 1
    for part in [main, held] { try part?.checkLabels(count) }
    let shape = SampleShape(
      steps: any.images.shape[1], features: any.images.shape[2], target: .classes(count: count))

    let samples = main?.images.shape[0] ?? 0
    let partition = try main.map { (main) throws(Failure) in
      try Partition(specification.split, of: samples, file: main.images.path)
    }
    train = partition?.train.flatMap { main?.set($0, shape) }
    validation = partition?.validation.flatMap { main?.set($0, shape) }
    test = held?.set(0..<held!.images.shape[0], shape) ?? partition?.test.flatMap { main?.set($0, shape) }
    self.shape = shape
    scaler = nil
    featureNames = numbered(shape.features)
    targetNames = []
    self.classNames = classNames ?? numbered(count)
    fingerprint = try Self.fingerprint((main?.files ?? []) + (held?.files ?? []), group)
    rows = nil
    unused = partition?.unused(of: samples) ?? 0
  }
}

extension IDXPart {
  func set(_ samples: Range<Int>, _ shape: SampleShape) -> SequenceSet<UInt8> {
    SequenceSet(
      shape: shape, layout: .separate(steps: shape.steps), samples: samples, inputs: images.elements,
      values: .own([]), classes: .own(classes))
  }

  /// -1 where nobody knows it.
  private var classes: [Int32] {
    labels?.elements.withUnsafeBufferPointer { $0.map { Int32($0) } }
      ?? [Int32](repeating: -1, count: images.shape[0])
  }

  func checkLabels(_ count: Int) throws(Failure) {
    guard let labels else { return }
    let wrong = labels.elements.withUnsafeBufferPointer { labels in
      labels.firstIndex { Int($0) >= count }.map { ($0, labels[$0]) }
    }
    if let (index, label) = wrong {
      throw .badData(
        "\(labels.path), label \(index): class label \(label) is out of range; "
          + "classes go from 0 to \(count - 1)")
    }
  }
}
