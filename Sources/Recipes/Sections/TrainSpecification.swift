import Diagnostics

/// The `train` section.
public struct TrainSpecification: Sendable, Equatable {
  public var epochs: Int
  /// Samples per optimizer step, over all ranks together.
  public var batchSize: Int
  public var shuffle: Bool = true
  /// Batches whose samples are sorted by length before they are cut into batches; 1 for none.
  public var bucketBatches: Int = 1
  /// The largest allowed norm of the gradient of all parameters together; nil for no limit.
  public var clipNorm: Double?
  /// The largest allowed size of each element of the mean gradient; nil for no limit. Excludes `clipNorm`.
  public var clipValue: Double?
  /// Decay of the moving average of the parameters that is evaluated, 0..<1; nil for none.
  public var ema: Double?
  /// Micro-batches that a rank's part of a batch (in a strict run: each lane) is computed in; the result is that of the whole.
  public var accumulate: Int = 1
  /// The most samples that a rank computes at once; nil for `accumulate`.
  public var microBatchSize: Int?
  /// Steps in a row that are skipped, whatever the cause (not finite, no sample that counts), after which training stops.
  public var maxBadSteps: Int = 10
  /// How often the validation part is evaluated.
  public var evalEveryEpochs: Int = 1
  /// How often a step gets its own line in metrics.jsonl; 0 for never.
  public var logEverySteps: Int = 0
  /// Whether the run's folder gets events for TensorBoard.
  public var tensorboard: Bool = false
  /// Epochs between two histograms of parameters and gradients among these events; 0 for none.
  public var tensorboardHistograms: Int = 10
  /// Where the parameters come from before the first step: a safetensors file, a folder of one, a run or a checkpoint; nil for the
  /// seed's own start.
  public var initFrom: String?
  /// `OLD=NEW`: what tensors' names begin with in `initFrom`, and here.
  public var initMap: [String] = []
  /// Patterns of parameters that `initFrom` need not have.
  public var allowMissing: [String] = []
  /// Patterns of parameters that training leaves as they are.
  public var freeze: [String] = []

  public init(epochs: Int, batchSize: Int) {
    self.epochs = epochs
    self.batchSize = batchSize
  }
}

extension TrainSpecification: DeclaredSection {
  static let section = Section(
    start: TrainSpecification(epochs: 0, batchSize: 0),
    keys: [
      Key(
        "epochs", \.epochs, .whole(0...Int(Int32.max)),
        "Passes over the training part; 0 saves the first parameters as they are."
      ).required(),
      Key("batch_size", \.batchSize, .whole(), "Samples of an optimizer step, over all ranks together.")
        .required(),
      Key("shuffle", \.shuffle, .flag, "Whether each epoch has an order of its own."),
      Key(
        "bucket_batches", \.bucketBatches, .whole(),
        "Batches whose samples are sorted by length before they are cut into batches; 1 for none."),
      Key(
        "clip_norm", optional: \.clipNorm, .number(.positive),
        "Largest norm of the gradient of all parameters together; null for no limit."),
      Key(
        "clip_value", optional: \.clipValue, .number(.positive),
        "Largest size of each element of the mean gradient; null for no limit."
      ).checked { train, map in
        if train.clipNorm != nil, train.clipValue != nil {
          throw map.failure(
            at: "clip_value", "train.clip_value and train.clip_norm exclude each other; keep one")
        }
      },
      Key(
        "ema", optional: \.ema, .number(.belowOne),
        "Decay of the moving average of the parameters, which is what is evaluated and exported; null for none."
      ),
      Key(
        "accumulate", \.accumulate, .whole(),
        "Micro-batches that a rank's part of a batch (in a strict run: each lane) is computed in; the result is that of the whole."
      ),
      Key(
        "micro_batch_size", optional: \.microBatchSize, .whole(),
        "Most samples that a rank computes at once, adding gradients until its part of a batch is done; null for accumulate."
      ).checked { train, map in
        if train.microBatchSize != nil, train.accumulate > 1 {
          throw map.failure(
            at: "micro_batch_size",
            "train.micro_batch_size and train.accumulate exclude each other; keep one")
        }
      },
      Key(
        "max_bad_steps", \.maxBadSteps, .whole(),
        "Steps in a row that are skipped, whatever the cause (not finite, no sample that counts), after which training stops."
      ),
      Key(
        "eval_every_epochs", \.evalEveryEpochs, .whole(),
        "Epochs between two evaluations of the validation part."),
      Key(
        "log_every_steps", \.logEverySteps, .whole(0...Int(Int32.max)),
        "Steps between two that get a line of their own in metrics.jsonl; 0 for none."),
      Key(
        "tensorboard", \.tensorboard, .flag,
        "Whether the folder tensorboard of the run gets what metrics.jsonl has, histograms and pictures for TensorBoard."
      ),
      Key(
        "tensorboard_histograms", \.tensorboardHistograms, .whole(0...Int(Int32.max)),
        "Epochs between two histograms of parameters and gradients for TensorBoard; 0 for none."),
      Key(
        "init_from", optional: \.initFrom, .file,
        "Where the parameters come from before the first step: a safetensors file under PyTorch's names, a folder of one, a run or a checkpoint; null for the seed's own start."
      ),
      Key(
        "init_map", \.initMap, .texts(),
        "OLD=NEW for names in init_from: tensors that begin with OLD begin with NEW here; the first that fits counts."
      ).needing("init_from") { $0.initFrom != nil }
        .checked { train, map in
          for text in train.initMap where TrainSpecification.renaming(text) == nil {
            throw map.failure(
              at: "init_map", "train.init_map: \(text) is not OLD=NEW, for example lstm.=rnn.")
          }
        },
      Key(
        "allow_missing", \.allowMissing, .texts(),
        "Patterns of parameters that start anew where init_from does not have them in their shape; * is any text."
      ).needing("init_from") { $0.initFrom != nil },
      Key(
        "freeze", \.freeze, .texts(),
        "Patterns of parameters that training leaves as they are, for example rnn.*; * is any text."),
    ])
}

extension TrainSpecification {
  /// Steps of an epoch of so many samples.
  package func steps(of samples: Int) -> Int { (samples + batchSize - 1) / batchSize }

  /// Whether a rank computes its part of a batch at once.
  package var computesWholeParts: Bool { accumulate == 1 && microBatchSize == nil }

  /// Samples of a micro-batch where a rank's part has so many.
  package func microBatch(of count: Int) -> Int {
    max(1, microBatchSize ?? (count + accumulate - 1) / accumulate)
  }

  /// What stands on both sides of the first equals sign of `OLD=NEW`; nil where there is none, or both are the same.
  package static func renaming(_ text: String) -> (old: String, new: String)? {
    let bytes = text.utf8
    guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let (old, new) = (text[..<equals], text[bytes.index(after: equals)...])
    return old.hasSameBytes(as: new) ? nil : (String(old), String(new))
  }
}
