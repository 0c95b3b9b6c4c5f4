import Collective
import Diagnostics
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

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

  /// The library that may compute large products of a training step, and who decides that.
  static var blas: HealthCheck {
    do {
      let mode = try ProductMode.fromEnvironment()
      let finding = try BLASLibrary.preferred()
      guard let library = finding.library else {
        let isMissed = finding.isRefusal || mode == .blas
        return HealthCheck(
          name: "BLAS", status: isMissed ? .warn : .ok, detail: "\(finding.problem!); own kernels compute",
          advice: isMissed
            ? "apt-get install libopenblas-dev, or name another in RECUR_BLAS (openblas, mkl, blis, a path)"
            : nil)
      }
      return HealthCheck(
        name: "BLAS", status: .ok,
        detail: "\(library.description), \(library.file): passed its check; RECUR_PRODUCTS=\(mode.rawValue)")
    } catch {
      return HealthCheck(
        name: "BLAS", status: .fail, detail: error.message,
        advice: "unset RECUR_PRODUCTS and RECUR_BLAS, or give them one of these")
    }
  }

  static var cores: HealthCheck {
    let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let allowed = Machine.allowedProcessors().count
    let usable = Machine.usableCores()
    var detail = "\(usable) usable; \(allowed) of \(online) processors allowed"
    if let quota = Machine.quota() { detail += ", control group grants \(quota)" }
    return HealthCheck(
      name: "cores", status: .ok, detail: detail,
      values: ["online": Double(online), "allowed": Double(allowed), "usable": Double(usable)])
  }

  static var memory: HealthCheck {
    let available = MemoryInfo.availableBytes
    let limit = ControlGroups.own.memoryLeft
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
    for line in Machine.lines("/proc/cpuinfo") {
      let parts = line.split(separator: ":", maxSplits: 1).map { words in
        words.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }
      if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
    }
    model = fields["model name"] ?? "processor of unknown name"
    let flags = Set((fields["flags"] ?? fields["Features"] ?? "").split(separator: " ").map(String.init))
    let known = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "sve2"]
    instructionSets = known.filter(flags.contains)
  }
}

enum MemoryInfo {
  static var availableBytes: Double {
    let line = Machine.lines("/proc/meminfo").first { $0.hasPrefix("MemAvailable:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }
    return (kibibytes ?? 0) * 1024
  }
}
