import ArgumentParser
import CUDA
import Collective
import Kernels
import Recur

/// `--device`, `--precision` and `--engine`.
struct DeviceOptions: ParsableArguments {
  enum Device: String, ExpressibleByArgument, CaseIterable { case auto, cpu, cuda }
  enum Factors: String, ExpressibleByArgument, CaseIterable { case fp32, tf32, bf16 }

  @Option(
    help: ArgumentHelp(
      "What computes; auto: the GPU where there is one and a step is faster on it.",
      valueName: "auto|cpu|cuda"))
  var device = Device.auto
  @Option(
    help: ArgumentHelp(
      "What a GPU rounds the factors of matrix products to; sums are float32. A processor follows the recipe's precision.",
      valueName: "fp32|tf32|bf16"))
  var precision: Factors?

  @Option(
    help: ArgumentHelp(
      "How a GPU computes a step; if not given, those that can are timed once and the fastest is remembered.",
      valueName: Engine.allCases.map(\.rawValue).joined(separator: "|")))
  var engine: Engine?

  init() {}
  init(_ device: Device, _ precision: Factors?) {
    self.device = device
    self.precision = precision
  }

  func validate() throws {
    guard device != .cpu || precision == nil else {
      throw ValidationError("--precision is for a GPU; on a processor use --set precision=bf16 or fp32")
    }
    guard device != .cpu || engine == nil else {
      throw ValidationError("--engine is for a GPU, not for --device cpu")
    }
  }

  /// What computes a run; opens the GPU where one is wanted.
  /// - recipe: what the recipe asks for; `--precision` is for a GPU alone and goes before it there.
  /// - Throws: as `executor`.
  func processor(_ recipe: () -> KernelSet.Precision = { .fp32 }) throws -> Processor {
    guard let gpu = try executor(recipe) else { return .cpu }
    let options = EngineOptions(engine: engine)
    return device == .auto ? .fasterOf(gpu, options) : .device(gpu, options)
  }

  /// The GPU, where one is wanted.
  /// - Throws: `unavailable` with what was tried where `cuda` was asked for and there is no usable GPU.
  func executor(_ recipe: () -> KernelSet.Precision = { .fp32 }) throws -> CUDAExecutor? {
    switch device {
    case .cpu: return nil
    case .auto: return GPU.hasDriverDevices ? try? executor(recipe()) : nil
    case .cuda:
      do {
        return try executor(recipe())
      } catch {
        throw Failure(error.kind, "--device cuda: \(error.message); use --device cpu")
      }
    }
  }

  private func executor(_ recipe: KernelSet.Precision) throws(Failure) -> CUDAExecutor {
    let precision: DevicePrecision =
      switch precision ?? (recipe == .bf16 ? .bf16 : .tf32) {
      case .fp32: .fp32
      case .tf32: .tf32
      case .bf16: .bf16
      }
    return try GPU.executor(localRank: Launcher.localRank(), precision: precision)
  }
}

extension Engine: ExpressibleByArgument {}
