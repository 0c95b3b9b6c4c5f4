/// What the first worker tells a dedicated coordinator.
struct WorkerMessage: Codable {
  enum Subject: String, Codable {
    case progress
    /// An epoch is trained; its end is up to the coordinator.
    case epoch
    /// The state is to be saved.
    case save
    /// Training has ended.
    case end
    /// All workers have ended with the same error.
    case failed
  }
  /// The state of training that steps change; what epochs' ends change is known to both.
  struct TrainedState: Codable {
    var step: Int
    var position: Int
    var sums: LossSums
    var counters: RunState.Counters
    /// Adam's t.
    var updates: Int
    /// What ranks keep for themselves.
    var ranks: RankUpdates?
  }
  struct Failed: Codable {
    var code: Int32
    var message: String
  }

  var kind: Subject
  /// For metrics.jsonl and for people, in order, before anything else is done.
  var lines: [String] = []
  var notes: [String] = []
  var position: TrainedState
  var speed: RunMeter.Speed
  var times: RankTimes
  var progress: TrainingProgress?
  var status: TrainingReport.Status?
  var stepTime: TrainingReport.StepTime?
  var failure: Failed?
}

/// What a coordinator decides where the recipe looks at the validation part.
struct EpochDecision: Codable {
  var schedule: Schedule.State
  var best: Double?
  var wait: Int?
}
