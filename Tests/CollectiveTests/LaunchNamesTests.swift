import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

/// What is handed to ssh, mpirun and a shell is data there too.
@Suite(.tags(.mpi)) struct LaunchNamesTests {
  @Test(arguments: [
    "node-a", "n1", "10.0.0.1", "node_7.cluster.example", "fe80::1", "::1", "::ffff:10.0.0.1", "me@node-a",
    "_srv", "recur-worker-0.recur.jobs.svc", String(repeating: "a", count: 253),
  ])
  func namesOfMachines(name: String) throws {
    #expect(HostName.isValid(name.utf8))
    #expect(try Hostfile(path: LaunchPlanTests.file("\(name) slots=2\n")).hosts.map(\.name) == [name])
  }

  @Test(arguments: [
    "-oProxyCommand=touch${IFS}PWNED", "-l", "--", "a;b", "a`b`", "$(b)", "a|b", "a&b", "a>b", "a'b", "a\"b",
    "a\\b",
    "a/b", "a%b", "a*", "a?", "~a", "!a", "a,b", "a=b", "(a)", "{a}", "[a]", "+n0", ".a", "@a", "a@", "a@b@c",
    "me@-l",
    "-me@a", "a:b", "::1%eth0", "a:22", "1:2", "\u{e9}t\u{e9}", "a\u{301}", "node\u{202e}", "a\u{7f}",
    "a\u{1}b",
    String(repeating: "a", count: 254), String(repeating: "u", count: 33) + "@a",
  ])
  func whatIsNoNameIsRefusedBeforeAnyProgramSeesIt(name: String) throws {
    #expect(!HostName.isValid(name.utf8))
    let file = try LaunchPlanTests.file("# machines\nnode-a\n\(name) slots=2\n")
    let failure = #expect(throws: Failure.self) { try Hostfile(path: file) }
    #expect(failure?.kind == .badData)
    #expect(failure?.message.hasPrefix("\(file):3: ") == true, "\(String(describing: failure))")
  }

  @Test(arguments: [
    ("", "empty"), ("   ", "empty"), ("\t", "control"), ("''", "empty"), ("-p 22", "an option"),
    ("ssh 'a", "left open"), ("ssh \"a", "left open"), ("ssh a\\", "left open"), ("ssh\nid", "control"),
    ("ssh -o 'ProxyCommand nc %h'", "script"), ("ssh -o ProxyJump=a:22", "script"), ("ssh ''", "script"),
    ("'my ssh'", "script"), (String(repeating: "a", count: 5000), "4096"),
  ])
  func agentsThatCannotBeUsed(agent: String, reason: String) throws {
    let failure = #expect(throws: Failure.self) { try RemoteShell(agent) }
    #expect(failure?.kind == .usage && failure?.message.hasPrefix("--agent") == true)
    #expect(failure?.message.contains(reason) == true, "\(String(describing: failure))")
  }

  @Test(arguments: [
    ("eth0", true), ("10.0.0.0/24", true), ("eth0,ib0", true), ("eth0.7,10.1.0.0/16", true), ("br-1_a", true),
    ("", false), ("eth0,", false), ("-eth0", false), ("10.0.0.0/33", false), ("10.0.0/8", false),
    ("10.0.0.256/8", false),
    ("a b", false), ("eth0;id", false), ("averylongdevicename", false), ("10.0.0.0/", false),
    ("fe80::/10", false),
    ("10.0.0.0/8/8", false), ("eth0\u{301}", false),
  ])
  func networks(text: String, isValid: Bool) { #expect((JobNetwork(text) != nil) == isValid) }

  @Test func aNetworkHoldsItsAddresses() throws {
    let address = LocalAddress(device: "eth1", address: IPAddress(v4: 0x0a01_0203), bits: 24)
    for (text, holds) in [
      ("eth1", true), ("eth0", false), ("10.1.2.0/24", true), ("10.1.3.0/24", false),
      ("eth0,10.0.0.0/8", true),
      ("0.0.0.0/0", true), ("10.1.2.3/32", true), ("10.1.2.4/32", false),
    ] { #expect(try #require(JobNetwork(text)).contains(address) == holds, "\(text)") }
  }
}

@Suite(.tags(.mpi)) struct ShellWordsTests {
  private static let words = [
    "plain", "", "a b", "it's", "'", "''", "\"", "\\", "$HOME", "`id`", "$(id)", "a;b", "*", "~", "#", "!x",
    "a\nb", "\t",
    "\u{1b}[31m", "'\u{301}", "e\u{301}", "\u{202e}abc", "\u{7f}", "=", "a=b", "-n", "naïve", "\u{200d}'",
    "\\'\n",
  ]

  /// What a shell makes of the line is what was written, and the line holds nothing that a terminal acts on.
  @Test(.enabled(if: find("bash") != nil, "bash is not installed"))
  func aShellReadsBackWhatWasQuoted() throws {
    let line = ShellWords.quoted(["printf", "%s\\0"] + Self.words)
    #expect(!line.utf8.contains { $0 < 32 || $0 == 127 } && !line.unicodeScalars.contains("\u{202e}"))
    let outcome = try run(find("bash")!, ["--norc", "-c", line])
    #expect(outcome.output.utf8.elementsEqual(Self.words.map { $0 + "\0" }.joined().utf8), "\(line)")
  }

  @Test func aFirstWordIsNoAssignment() { #expect(ShellWords.quoted(["a=b", "c=d"]) == "'a=b' c=d") }

  @Test(
    arguments: [
      ("a  b\tc", ["a", "b", "c"]), ("'a b' \"c d\"", ["a b", "c d"]), ("a\\ b", ["a b"]), ("''", [""]),
      ("", []),
      ("a'b'\"c\"d", ["abcd"]), ("\"a\\\"b\\\\c\\d\"", ["a\"b\\c\\d"]), ("'\\'", ["\\"]),
      ("$A `b`", ["$A", "`b`"]),
      ("'", nil), ("\"a", nil), ("a\\", nil),
    ] as [(String, [String]?)])
  func wordsOfALine(line: String, words: [String]?) { #expect(ShellWords.split(line) == words) }
}
