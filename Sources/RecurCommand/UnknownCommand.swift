import ArgumentParser
import Diagnostics

extension RecurCommand {
  /// What is wrong where a word stands in a command's place that is none; nil where all are known.
  /// - words: the command line without the program.
  static func unknownCommand(_ words: [String]) -> Failure? {
    var command: any ParsableCommand.Type = RecurCommand.self
    var path = "recur"
    for word in words {
      let subcommands = command.configuration.subcommands
      if subcommands.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
      guard let next = subcommands.first(where: { $0._commandName == word }) else {
        let names = subcommands.map { $0._commandName }
        let hint = nearestName(to: word, among: names).map { "did you mean \(path) \($0)?" }
        return .usage("\(path) has no command \(word); \(hint ?? "it has \(names.joined(separator: ", "))")")
      }
      command = next
      path += " \(word)"
    }
    return nil
  }
}
