import ArgumentParser
import Recur

struct Generate: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Goes on with a text as a checkpoint trained on text would.",
    discussion: """
      The text appears as it comes, in a pipe or a file byte for byte; on a terminal control characters are written out. The
      same seed gives the same text.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @Option(help: "The text to go on with.") var prompt: String
  @Option(help: "How many tokens to write.") var length = 200
  @Option(help: "Below 1 keeps to the likely, above 1 strays; 0 always takes the likeliest token.")
  var temperature = 1.0
  @Option(help: "Draw from this many of the likeliest tokens (default: from all).") var topK: Int?
  @Option(help: "Number of the draw.") var seed: UInt64 = 0
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...100_000_000).contains(length) else { throw ValidationError("--length must be 1 to 100000000") }
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be at least 0")
    }
    guard topK.map({ $0 > 0 }) ?? true else { throw ValidationError("--top-k must be at least 1") }
  }

  func execute(_ console: Console) throws -> GenerateReport {
    let checkpoint = try CheckpointedModel(noting: checkpoint, self.choice.choice)
    guard let vocabulary = checkpoint.vocabulary else {
      throw Failure.usage("\(checkpoint.path) was not trained on text (data.format: text); use recur predict")
    }
    let model = try checkpoint.model(for: checkpoint.textShape(vocabulary))
    var choice = TextGenerator.Sampling()
    (choice.temperature, choice.topK, choice.seed) = (temperature, topK, seed)
    let generator = try TextGenerator(model, vocabulary, prompt: prompt, choice)
    var text = Array(prompt.utf8)
    var stream = TextStream(console)
    try stream.write(text)
    for _ in 0..<length {
      let next = generator.next()
      try stream.write(next)
      text += next
    }
    try stream.finish()
    return GenerateReport(
      checkpoint: checkpoint.path, chosenBy: ChosenBy(checkpoint), prompt: prompt, length: length,
      temperature: temperature, topK: topK,
      seed: seed, text: String(decoding: text, as: UTF8.self))
  }
}

struct GenerateReport: CommandReport {
  var command = "generate"
  let checkpoint: String
  let chosenBy: ChosenBy?
  let prompt: String
  let length: Int
  let temperature: Double
  let topK: Int?
  let seed: UInt64
  /// The prompt and what was added to it.
  let text: String
}
