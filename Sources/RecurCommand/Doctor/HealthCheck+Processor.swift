import COpenBLAS
import Foundation
import Kernels

extension HealthCheck {
  static var processor: HealthCheck {
    let info = ProcessorInfo()
    let sets =
      info.instructionSets.isEmpty ? "no vector sets known" : info.instructionSets.joined(separator: " ")
    return HealthCheck(name: "processor", status: .ok, detail: "\(info.model): \(sets)")
  }

  static var kernels: HealthCheck {
    let names = KernelSet.available.map(\.name)
    do {
      let chosen = try KernelSet.fromEnvironment().name
      let others = names.filter { $0 != chosen }.joined(separator: ", ")
      return HealthCheck(
        name: "kernels", status: .ok,
        detail: chosen + (others.isEmpty ? "" : " (RECUR_KERNELS can choose \(others))"))
    } catch {
      return HealthCheck(
        name: "kernels", status: .fail, detail: error.message,
        advice: "unset RECUR_KERNELS, or name one of these")
    }
  }

  static var openBLAS: HealthCheck {
    let config = String(cString: openblas_get_config())
    let core = String(cString: openblas_get_corename())
    let version = config.split(separator: " ").prefix(2).joined(separator: " ")
    return HealthCheck(name: "BLAS", status: .ok, detail: "\(version), kernels for \(core)")
  }

  static var cores: HealthCheck {
    let online = Double(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let allowed = Double(ProcessorInfo.allowedCores)
    let quota = ControlGroup.coreQuota
    let usable = min(allowed, quota ?? allowed)
    var detail = "\(Formatting.short(usable)) of \(Formatting.short(online)) usable"
    if let quota { detail += " (control group: \(Formatting.short(quota)))" }
    var check = HealthCheck(
      name: "cores", status: usable < 1 ? .warn : .ok, detail: detail,
      values: ["online": online, "allowed": allowed, "usable": usable])
    if usable < 1 { check.advice = "less than one core: training will pause often; raise the CPU limit" }
    return check
  }

  static var memory: HealthCheck {
    let available = MemoryInfo.availableBytes
    let limit = ControlGroup.memoryLeft
    let usable = min(available, limit ?? available)
    let low = usable < 256 * 1_048_576
    var detail = "\(Formatting.bytes(usable)) available"
    if let limit, limit < available { detail += " (control group)" }
    return HealthCheck(
      name: "memory", status: low ? .warn : .ok, detail: detail,
      advice: low ? "less than 256 MiB: larger models will not fit" : nil, values: ["available_bytes": usable]
    )
  }
}

/// What Linux tells of the processor.
struct ProcessorInfo {
  let model: String
  let instructionSets: [String]

  init() {
    var fields: [String: String] = [:]
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
    }
    model = fields["model name"] ?? "processor of unknown name"
    let flags = Set((fields["flags"] ?? fields["Features"] ?? "").split(separator: " ").map(String.init))
    let known = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "sve2"]
    instructionSets = known.filter(flags.contains)
  }

  /// Cores that the scheduler may give this process: `taskset`, `mpirun --bind-to` and job managers narrow it.
  static var allowedCores: Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let mask = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }?.dropFirst(13)
    let cores = mask?.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount } ?? 0
    return cores > 0 ? cores : sysconf(Int32(_SC_NPROCESSORS_ONLN))
  }
}

enum MemoryInfo {
  static var availableBytes: Double {
    let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }
    return (kibibytes ?? 0) * 1024
  }
}

/// Limits of the container this process runs in: control groups, version 2 and 1.
enum ControlGroup {
  /// Cores' worth of time, or nil without a limit.
  static var coreQuota: Double? {
    if let fields = read("cpu.max")?.split(separator: " "), fields.count == 2 {
      guard let quota = Double(fields[0]), let period = Double(fields[1]), period > 0 else { return nil }
      return quota / period
    }
    guard let quota = number("cpu/cpu.cfs_quota_us"), quota > 0,
      let period = number("cpu/cpu.cfs_period_us"), period > 0
    else { return nil }
    return quota / period
  }

  /// Bytes to the limit, or nil without one.
  static var memoryLeft: Double? {
    if let limit = number("memory.max"), let used = number("memory.current") { return limit - used }
    guard let limit = number("memory/memory.limit_in_bytes"), limit < 1e15,
      let used = number("memory/memory.usage_in_bytes")
    else { return nil }
    return limit - used
  }

  private static func number(_ name: String) -> Double? { read(name).flatMap { Double($0) } }

  private static func read(_ name: String) -> String? {
    let text = try? String(contentsOfFile: "/sys/fs/cgroup/\(name)", encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
