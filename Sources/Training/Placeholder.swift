import Dataset

/// Stands in until Dataset brings its own.
public struct LoadedData: Sendable {
  public var train: (any SampleSet)?
  public var validation: (any SampleSet)?
  public var test: (any SampleSet)?
}
