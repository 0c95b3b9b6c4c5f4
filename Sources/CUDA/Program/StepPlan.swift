import Recurrent

/// What a training step computes, on how much at once, and where: all that programs and engines depend on.
public struct StepPlan: Sendable, Equatable {
  public var network: Network
  public var loss: Loss
  public var rule: UpdateRule
  /// T; where lengths differ, of the longest sequence. Memory is laid out for it.
  public var steps: Int
  /// The most samples of a micro-batch; memory is laid out for it.
  public var capacity: Int
  /// Samples of the data set in device memory; 0 for none.
  public var resident: Int
  /// Whether sequences end at steps of their own.
  public var hasLengths = false
  /// Streams that the samples are windows of, each going on from the state the one before left; 0 where samples stand alone.
  public var streams = 0
  /// Whether an average of the parameters is kept.
  public var averages = false
  public var precision: DevicePrecision
  public var device: DeviceTraits

  public init(
    _ network: Network, loss: Loss, rule: UpdateRule, steps: Int, capacity: Int, resident: Int = 0,
    precision: DevicePrecision = .fp32, device: DeviceTraits = DeviceTraits()
  ) {
    self.network = network
    self.loss = loss
    self.rule = rule
    self.steps = steps
    self.capacity = capacity
    self.resident = resident
    self.precision = precision
    self.device = device
  }

  /// Streams that a text is read in while a model is evaluated.
  public static let evaluationStreams = StreamStates.evaluated

  /// The width of a stream's state: H of the widest layer.
  var stateWidth: Int { (0..<network.layers).map { network.hiddenSize(of: $0) }.max() ?? 0 }

  /// Whether all there is are sequences of numbers of one length that go through layers without options.
  var isPlain: Bool { network.isPlain && !hasLengths && streams == 0 }

  /// Whether layers need more than the plain cells' kernels.
  var isStepwise: Bool {
    network.isStepwise || network.learnedInitialState || streams > 0 && network.bidirectional
  }

  /// How many steps a program for sequences up to this length has: one of at most eight, so that few programs (and captured
  /// graphs) serve all combinations of lengths. The lengths themselves lie in device memory; kernels mask what lies after them.
  public func programSteps(longest: Int) -> Int {
    guard hasLengths else { return steps }
    let unit = (steps + 7) / 8
    return min((longest + unit - 1) / unit * unit, steps)
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
