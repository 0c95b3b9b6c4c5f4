import ArgumentParser

struct Doctor: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks what this machine offers: processor, kernels, memory, MPI, plotting, GPU, disk.",
    discussion: "Ends with exit code 1 where a check failed; warnings do not count.")

  @Flag(help: "Train small networks on the GPU instead, and compare with the processor.") var gpu = false
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> DoctorReport {
    let report = DoctorReport(checks: gpu ? try HealthCheck.gpuSelfTest() : HealthCheck.all)
    let width = report.checks.map(\.name.count).max() ?? 0
    for check in report.checks {
      let name = check.name + String(repeating: " ", count: width - check.name.count)
      try console.say("\(check.status.mark)  \(name)  \(check.detail)")
      if let advice = check.advice {
        try console.say("      \(String(repeating: " ", count: width))\(advice)")
      }
    }
    try console.say(report.verdict)
    return report
  }
}

struct DoctorReport: CommandReport {
  var command = "doctor"
  var status: HealthCheck.Grade
  let checks: [HealthCheck]

  init(checks: [HealthCheck]) {
    self.checks = checks
    status = checks.map(\.status).max() ?? .ok
  }

  var exitCode: Int32 { status == .fail ? 1 : 0 }

  var verdict: String {
    switch status {
    case .ok: "All is well."
    case .warn: "Training works; see the warnings for what would not."
    case .fail: "Mend what failed before training here."
    }
  }

  private enum CodingKeys: CodingKey { case command, status, checks }
}
