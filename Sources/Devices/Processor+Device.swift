import CUDA
import Files
import Training

/// How a device computes a step.
public struct EngineOptions: Sendable {
  /// nil for the way that takes the least time.
  public var engine: Engine?
  /// Where it is remembered which way that is; nil for the user's cache folder.
  package var files: CacheFolder?

  public init(engine: Engine? = nil) { self.engine = engine }

  package init(engine: Engine? = nil, files: CacheFolder?) {
    self.engine = engine
    self.files = files
  }
}

extension Processor {
  /// This device.
  public static func device(_ executor: any Executor, _ options: EngineOptions = .init()) -> Processor {
    Processor { task in
      try task.requireDevice()
      return try DeviceTraining(executor, task, options)
    }
  }

  /// This device, where a step of the run takes less time on it than on the cores.
  public static func fasterOf(_ executor: any Executor, _ options: EngineOptions = .init()) -> Processor {
    Processor { task in
      guard (try? task.requireDevice()) != nil else { return nil }
      let device = try DeviceTraining(executor, task, options)
      return try device.isFaster(task.samples) ? device : nil
    }
  }
}

extension DeviceTask {
  /// Throws where a device can't train this.
  fileprivate func requireDevice() throws {
    try recipe.requireDeviceCan(step.learner.model.network, step.set.shape)
  }
}

extension DeviceTraining {
  var engine: EngineEvent {
    EngineEvent(
      engine: engineChoice.engine.rawValue, reason: engineChoice.reason.rawValue,
      milliseconds: Engine.allCases.map { ($0.rawValue, engineChoice.milliseconds[$0]) },
      note: "\(engineChoice)")
  }
}
