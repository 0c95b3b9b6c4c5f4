import ArgumentParser
import Diagnostics
import Foundation

/// Feeds changed copies of small valid files to every reader of outside bytes, in this process.
@main struct RecurFuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recur-fuzz",
    abstract:
      "Feeds damaged input to the readers of outside bytes, and stops at the first that is not refused well.",
    discussion: """
      A reader must return, or throw one clear line with a code for bad input; in bounded memory and time, and never end \
      the process. What breaks this is saved, and told with the command that shows it again. One seed gives the same \
      inputs in the same order.
      Readers: \(Readers.all.map { $0.name }.joined(separator: ", "))
      """)

  @Option(help: "The reader (default: all, one after the other).") var reader: [String] = []
  @Option(help: "Executions of each reader.") var executions = Int.max
  @Option(help: "Seconds for all readers together.") var seconds = Double.infinity
  @Option(help: "Where the sequence of inputs starts.") var seed: UInt64 = 1
  @Option(help: "Folder for an input that breaks a reader.") var save = "."
  @Option(help: "Give this file to the reader once, and nothing else.") var input: String?

  @Flag(help: "Without a bound of memory: for sanitizers and valgrind, which reserve a lot.") var unbounded =
    false

  static func main() {
    ProcessStart.begin()
    main(nil)
  }

  func validate() throws {
    for name in reader where Readers.named(name) == nil {
      throw ValidationError("there is no reader \(name)")
    }
    guard executions < .max || seconds < .infinity || input != nil else {
      throw ValidationError("say when to end: --executions or --seconds")
    }
    guard input == nil || reader.count == 1 else { throw ValidationError("--input needs one --reader") }
  }

  func run() throws {
    Watch.keepLibrariesSmall()
    let chosen = reader.isEmpty ? Readers.all : reader.map { Readers.named($0)! }
    var total = 0
    var left = seconds
    for (index, type) in chosen.enumerated() {
      let start = Date()
      let scratch = try Scratch()
      var fuzzing = Fuzzing(try type.init(scratch), seed: seed, save: save)
      if let input {
        try fuzzing.run(once: [UInt8](Data(contentsOf: URL(fileURLWithPath: input))))
      } else {
        try fuzzing.run(
          executions, until: start + left / Double(chosen.count - index), bounded: !unbounded)
      }
      left += start.timeIntervalSinceNow
      total += fuzzing.count
      print("\(fuzzing.summary), \(Int(Double(fuzzing.count) / -start.timeIntervalSinceNow)) a second")
    }
    print("\(total) executions, nothing found")
  }
}
