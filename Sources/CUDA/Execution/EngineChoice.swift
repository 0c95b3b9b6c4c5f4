import Diagnostics
import Files

/// Which engine runs a plan, and why.
public struct EngineChoice: Sendable, Equatable {
  public enum Reason: String, Sendable {
    /// It was asked for.
    case forced
    /// No other can compute the plan.
    case only
    /// It took the least time in an earlier run on this device.
    case remembered
    /// It took the least time just now.
    case timed
    /// Rank 0 decided.
    case agreed
  }

  public var engine: Engine
  public var reason: Reason
  /// Milliseconds of a step of each engine that was timed, median; engines that turned out to be unable have none.
  public var milliseconds: [Engine: Double] = [:]

  public init(_ engine: Engine, _ reason: Reason, _ milliseconds: [Engine: Double] = [:]) {
    self.engine = engine
    self.reason = reason
    self.milliseconds = milliseconds
  }
}

extension EngineChoice: CustomStringConvertible {
  /// For people, for example `engine fused, 0.012 ms a step (walk 0.14, stepwise 0.31)`.
  public var description: String {
    func text(_ value: Double) -> String { "\((value * 1e4).rounded() / 1e4)" }
    guard let own = milliseconds[engine] else { return "engine \(engine.rawValue)" }
    let others = milliseconds.filter { $0.key != engine }.sorted {
      ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue)
    }
    .map { "\($0.key.rawValue) \(text($0.value))" }.joined(separator: ", ")
    return
      "engine \(engine.rawValue), \(text(own)) ms a step (\(others))\(reason == .remembered ? ", as timed before" : "")"
  }
}

/// Times the engines that can compute a plan, and remembers the fastest in files beside the compiled kernels.
public struct EngineChooser: Sendable {
  /// Steps before those that count (they load kernels and make graphs), and those that count.
  static let (first, counted) = (3, 10)

  private let files: CacheFolder
  private let seconds: @Sendable () -> Double

  /// - seconds: a clock.
  public init(files: CacheFolder? = nil, seconds: (@Sendable () -> Double)? = nil) {
    self.files = files ?? CacheFolder()
    let start = ContinuousClock.now
    self.seconds = seconds ?? { (ContinuousClock.now - start) / .seconds(1) }
  }

  /// Decides; makes steps only where several engines can compute the plan and none is remembered.
  /// - batch: samples of a step; nil for the plan's capacity.
  /// - forced: the engine that was asked for.
  /// - among: those to choose from; nil for all that can compute the plan.
  /// - prepare: makes ready to take steps with an engine; gives what takes a step or several, waits for their end and tells their number.
  /// - Throws: a usage failure where the forced engine can't compute the plan; what preparing or a step throws.
  public func choose(
    _ plan: StepPlan, batch: Int? = nil, forced: Engine? = nil, among: [Engine]? = nil,
    prepare: (Engine) throws -> () throws -> Int
  ) throws -> EngineChoice {
    if let forced {
      try forced.require(plan)
      return EngineChoice(forced, .forced)
    }
    let able = among ?? Engine.able(plan)
    if able.count == 1 { return EngineChoice(able[0], .only) }
    let key = Self.key(plan, batch ?? plan.capacity, able)
    if let known = remembered(key, able) { return known }
    var milliseconds: [Engine: Double] = [:]
    var refusal: Failure?
    for engine in able {
      do {
        milliseconds[engine] = try time(prepare(engine))
      } catch let failure as Failure where failure.kind == .unavailable {
        // A library that does not work, or too little memory: the others are not to suffer from it.
        milliseconds[engine] = .infinity
        refusal = failure
      }
    }
    if let refusal, milliseconds.values.allSatisfy({ $0 == .infinity }) { throw refusal }
    files.write([UInt8](Self.text(key, milliseconds).utf8), as: Self.name(key))
    return Self.choice(able, .timed, milliseconds)
  }

  /// Milliseconds of a step, median.
  private func time(_ step: () throws -> Int) throws -> Double {
    for _ in 0..<Self.first { _ = try step() }
    let times = try (0..<Self.counted).map { _ in
      let start = seconds()
      let steps = try step()
      return (seconds() - start) / Double(steps)
    }
    return times.sorted()[times.count / 2] * 1e3
  }

  /// The fastest; of equal ones, the first.
  private static func choice(
    _ engines: [Engine], _ reason: EngineChoice.Reason, _ milliseconds: [Engine: Double]
  ) -> EngineChoice {
    let fastest = engines.min { milliseconds[$0]! < milliseconds[$1]! }!
    return EngineChoice(fastest, reason, milliseconds.filter { $0.value.isFinite })
  }

  // MARK: Memory

  /// All that the times depend on, in one line: kernels and programs, engines, then the plan with its device.
  private static func key(_ plan: StepPlan, _ batch: Int, _ able: [Engine]) -> String {
    var plan = plan
    plan.resident = min(plan.resident, 1)
    let programs = able.map { StepProgram(plan, batch: batch, engine: $0).description }
    return [
      CacheFolder.hash(KernelSource.all.map(\.text) + programs),
      able.map(\.rawValue).joined(separator: " "), "\(batch)", "\(plan)",
    ].joined(separator: "; ").replacing("\n", with: " ")
  }

  private static func name(_ key: String) -> String { "engine-\(CacheFolder.hash([key])).txt" }

  /// The key, then each engine with its milliseconds, the fastest first.
  private static func text(_ key: String, _ milliseconds: [Engine: Double]) -> String {
    let lines = milliseconds.sorted { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
      .map { "\($0.key.rawValue) \($0.value)" }
    return ([key] + lines).joined(separator: "\n") + "\n"
  }

  private func remembered(_ key: String, _ able: [Engine]) -> EngineChoice? {
    guard let bytes = files.read(Self.name(key)) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    guard lines.first == key else { return nil }
    var milliseconds: [Engine: Double] = [:]
    for line in lines.dropFirst() {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 2, let engine = Engine(rawValue: words[0]), let time = Double(words[1]), time >= 0
      else { return nil }
      milliseconds[engine] = time
    }
    guard Set(milliseconds.keys) == Set(able) else { return nil }
    let choice = Self.choice(able, .remembered, milliseconds)
    return choice.milliseconds.isEmpty ? nil : choice
  }
}
