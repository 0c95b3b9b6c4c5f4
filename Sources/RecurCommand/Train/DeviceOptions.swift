import ArgumentParser
import CUDA
import Collective
import Recur

/// `--device` and `--precision`.
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
      "What a GPU rounds the factors of matrix products to; sums are float32.", valueName: "fp32|tf32|bf16"))
  var precision = Factors.tf32

  init() {}
  init(_ device: Device, _ precision: Factors) {
    self.device = device
    self.precision = precision
  }

  /// Opens the GPU where one is wanted.
  /// - Throws: `unavailable` with what was tried where `cuda` was asked for and there is no usable GPU.
  func processor() throws -> Processor {
    switch device {
    case .cpu: return .cpu
    case .auto:
      guard GPU.hasDriverDevices, let gpu = try? executor() else { return .cpu }
      return .fasterOf(gpu)
    case .cuda:
      do {
        return .device(try executor())
      } catch {
        throw Failure(error.kind, "--device cuda: \(error.message); use --device cpu")
      }
    }
  }

  private func executor() throws(Failure) -> CUDAExecutor {
    let precision: Precision =
      switch precision {
      case .fp32: .fp32
      case .tf32: .tf32
      case .bf16: .bf16
      }
    return try GPU.executor(localRank: Launcher.localRank(), precision: precision)
  }
}
