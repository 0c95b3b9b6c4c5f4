/// What is timed of a case.
enum BenchTask: String, CaseIterable, Encodable {
  /// Forward, loss, backward and Adam.
  case training
  /// Outputs of a whole batch.
  case batch
  /// Outputs of one sample, all its steps.
  case sample
  /// One step of one sequence whose state is carried on.
  case stepping

  static let inference: [BenchTask] = [.batch, .sample, .stepping]
}
