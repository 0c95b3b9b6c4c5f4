import Diagnostics
import TestSupport
import Testing

/// A printed command line is read back by a shell as the words it was made of.
@Suite(.tags(.fast)) struct ShellWordsTests {
  static let words = [
    "train", "x.yaml", "", "two words", "it's", "'", "\\", "a\\'b", "$HOME", "$(id)", "`id`", "!!", "~", "#",
    "*", "=ls", "--set=a=b", "-", "a;b", "a&b", "\"", "é", "e\u{301}", "'\u{301}", "日本", "%s", "{a,b}",
  ]
  static let hidden = [
    "a\nb", "\u{1B}[31m", "\t", "it's\u{1B}'\\", "\u{202E}ab", "\u{9B}1", "\u{1}0", "\r\n",
  ]

  @Test func aShellReadsTheWordsBack() throws {
    // printf writes each of its arguments on, with a mark after it.
    let print = ["printf", "%s|", "--"]
    for (shell, words) in [("sh", Self.words), ("bash", Self.words + Self.hidden)] {
      let line = ShellWords.quoted(print + words)
      #expect(line.shown == line)
      let outcome = try run("/usr/bin/env", [shell, "-c", line])
      let expected = "--|" + words.map { $0 + "|" }.joined()
      let read =
        outcome.output.utf8.elementsEqual(expected.utf8)
        || outcome.output.utf8.elementsEqual(expected.utf8.dropFirst(3))
      #expect(read, "\(shell): \(line)\n\(outcome.output)\(outcome.errors)")
    }
  }

  @Test func plainWordsStayAsTheyAre() {
    let line = ShellWords.quoted(["mpirun", "-n", "2", "./recur", "--set", "a.b=[1]"])
    #expect(line == "mpirun -n 2 ./recur --set 'a.b=[1]'")
  }
}
