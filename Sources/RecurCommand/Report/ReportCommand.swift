import ArgumentParser
import Collective
import Files
import Kernels
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct ReportCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes a page about one or several runs: one HTML file to look at and to send.",
    discussion: """
      Curves, metrics, data and split, forecasts with their intervals, confusions, errors by series, where the time went, recipe \
      and environment; of several runs also the comparison and their curves over one another. The file is all there is: nothing \
      is fetched, under 1 MB, dark or light as the reader's system is. A run that is under way or was killed has what is there; \
      where its data are gone, the parts that need them say so.
      """)

  @Argument(help: "Run directories.") var runs: [String]
  @OptionGroup var choice: CheckpointChoice
  @Option(
    name: [.customLong("output"), .customShort("o")],
    help: "The page to write, or - for standard output.")
  var file: String
  @OptionGroup var output: OutputOptions

  var outputPath: String? { file }

  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("name at least one run directory") }
  }

  func execute(_ console: Console) throws -> PageReport {
    _ = try KernelSet.fromEnvironment()
    let found = try runs.map { try RunFindings(run: $0, choice.choice) }
    let target = try OutputFile(
      file, option: "--output", of: .page,
      notOver: zip(runs, found).flatMap { run, found in
        RunFiles.all(in: run) + (found.summary.recipe?.data.files ?? [])
      })
    var page = ReportPage(found)
    let html = page.html(made: made)
    try html.utf8.withContiguousStorageIfAvailable { try target.write(UnsafeRawBufferPointer($0)) }
    try target.close()
    for (run, reasons) in zip(runs, page.missing) {
      for reason in reasons { Console.note("recur: \(run): \(reason)") }
    }
    let size = html.utf8.count
    try console.say(
      "\(runs.count == 1 ? "a run" : "\(runs.count) runs") in \(Formatting.bytes(Double(size)))")
    try console.say("written to \(file)")
    return PageReport(
      runs: zip(runs, page.missing).map { .init(run: $0, missing: $1) }, output: file, bytes: size,
      leftOut: page.leftOut)
  }

  /// Where and when the page was made.
  private var made: String {
    var (seconds, utc) = (time(nil), tm())
    gmtime_r(&seconds, &utc)
    let moment = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      strftime(text.baseAddress!, text.count, "%Y-%m-%d %H:%M UTC", &utc)
      return String(cString: text.baseAddress!)
    }
    let cores = Machine.usableCores()
    return
      "Made by \(RecurCommand.configuration.version) on \(moment), on a machine with \(ProcessorInfo().model), \(cores) \(cores == 1 ? "core" : "cores")."
  }
}

struct PageReport: CommandReport {
  struct RunNotes: Encodable {
    let run: String
    /// What the page could not say of it, and why.
    let missing: [String]
  }

  var command = "report"
  let runs: [RunNotes]
  let output: String
  let bytes: Int
  /// Runs of which the page has the curves alone, to stay small.
  let leftOut: [String]
}
