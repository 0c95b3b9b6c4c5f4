import Recurrent

/// What a training step computes, on how much at once, and where: all that programs and engines depend on.
public struct StepPlan: Sendable, Equatable {
  public var architecture: Architecture
  public var loss: Loss
  public var rule: UpdateRule
  /// T
  public var steps: Int
  /// The most samples of a micro-batch; memory is laid out for it.
  public var capacity: Int
  /// Samples of the data set in device memory; 0 for none.
  public var resident: Int
  public var precision: Precision
  public var device: DeviceTraits

  public init(
    _ architecture: Architecture, loss: Loss, rule: UpdateRule, steps: Int, capacity: Int, resident: Int = 0,
    precision: Precision = .fp32, device: DeviceTraits = DeviceTraits()
  ) {
    self.architecture = architecture
    self.loss = loss
    self.rule = rule
    self.steps = steps
    self.capacity = capacity
    self.resident = resident
    self.precision = precision
    self.device = device
  }
}

/// What engines ask about a device.
public struct DeviceTraits: Sendable, Equatable {
  /// Tells it, its driver and its compiler apart from others.
  public var identity = "any device"
  /// Ten times the compute capability.
  public var capability = 80
  public var multiprocessors = 1
  /// Bytes of shared memory a block may use.
  public var sharedMemory = 48 << 10
  /// Clusters that run at the same time, one block on a multiprocessor; none where the device has no clusters.
  public var clusters: [Clusters] = []
  /// NVIDIA's libraries that its executor calls.
  public var libraries: [CUDALibrary] = []

  /// The least that can be expected.
  public init() {}

  /// So many clusters of so many blocks.
  public struct Clusters: Sendable, Equatable {
    public let blocks: Int
    public let count: Int

    public init(blocks: Int, count: Int) {
      self.blocks = blocks
      self.count = count
    }
  }
}
