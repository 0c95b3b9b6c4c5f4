import Foundation
import TestSupport
import Testing

/// `predict --input - --jsonl`: a program asks line by line and gets each answer before it asks on.
@Suite(.tags(.mpi)) struct RequestTests {
  /// A `recur predict` that is talked to through pipes.
  final class Server {
    let process = Process()
    private let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    private var held: [UInt8] = []

    init(in folder: Folder) throws {
      process.executableURL = Command.executable
      process.arguments = ["predict", "run", "--input", "-", "--jsonl"]
      process.currentDirectoryURL = folder.url
      (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
      try process.run()
    }

    func send(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

    /// The next line of the answer; nil at the end.
    func answer() -> String? {
      while true {
        if let end = held.firstIndex(of: 10) {
          defer { held.removeFirst(end + 1) }
          return String(decoding: held[..<end], as: UTF8.self)
        }
        let more = output.fileHandleForReading.availableData
        if more.isEmpty { return nil }
        held += more
      }
    }

    /// Closes its input; gives what it still says, and its exit code.
    func end() throws -> (status: Int32, errors: String) {
      try? input.fileHandleForWriting.close()
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, text)
    }
  }

  func trainedWave() throws -> (folder: Folder, predictions: [String]) {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    for words in [
      ["train", "wave.yaml", "--out", "run"], ["predict", "run", "--input", "wave.csv", "--output", "p.csv"],
    ] {
      let outcome = try Command.run(arguments: words, in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    let rows = try folder.read("p.csv").split(separator: "\n").dropFirst()
    return (folder, rows.map { String($0.split(separator: ",", omittingEmptySubsequences: false)[4]) })
  }

  @Test func eachLineIsAnsweredAtOnce() throws {
    let (folder, predictions) = try trainedWave()
    let rows = try folder.read("wave.csv").split(separator: "\n").dropFirst().map {
      $0.split(separator: ",").map(String.init)
    }
    let server = try Server(in: folder)
    for start in 0..<5 {
      let window = rows[start..<start + 4]
      let steps = window.map { "[\($0[0]),\($0[1])]" }.joined(separator: ",")
      server.send("{\"inputs\":[\(steps)],\"id\":\"q\(start)\"}\(start == 1 ? "\r\n" : "\n")")
      // It comes although the next line has not.
      #expect(
        server.answer()
          == "{\"id\":\"q\(start)\",\"split\":\"input\",\"sample\":\(start),\"actual\":{\"y\":null},\"predicted\":{\"y\":\(predictions[start])}}"
      )
    }
    let columns = [0, 1].map { column in rows[7..<11].map { $0[column] }.joined(separator: ",") }
    server.send("{\"b\":[\(columns[1])],\"a\":[\(columns[0])]}")
    let end = try server.end()
    #expect(server.answer()?.hasSuffix("{\"y\":\(predictions[7])}}") == true && server.answer() == nil)
    #expect(end.status == 0 && end.errors.contains("6 predictions"), "\(end.errors)")
  }

  @Test func aBadLineIsNamedAndEarlierAnswersStay() throws {
    let (folder, predictions) = try trainedWave()
    let right = "{\"inputs\": [[1,2],[3,4],[5,6],[7,8]]}\n"
    for (line, message) in [
      ("not JSON", "line 3: is not a JSON object"), ("[1]", "line 3: is not a JSON object"),
      ("", "line 3: is not a JSON object"),
      ("{\"inputs\": [[1,2],[3,4]]}", "line 3: has 2 rows; the window sees 4 (data.window)"),
      ("{\"inputs\": [[1],[3],[5],[7]]}", "line 3: \"inputs\", step 1 has 1 values, not 2"),
      ("{\"inputs\": [[1,2],[3,4],[5,\"x\"],[7,8]]}", "'x' is not a number"),
      ("{\"inputs\": [[1,2],[3,4],[5,null],[7,8]]}", "the value is missing"),
      ("{\"inputs\": [[1,2],[3,4],[5,[6]],[7,8]]}", "line 3: \"inputs\", step 3 must be a list of numbers"),
      ("{\"a\": [1,2,3,4]}", "line 3: 'b' is missing"),
      ("{\"a\": [1,2,3,4], \"b\": [1,2,3]}", "line 3: 'b' has 3 values, another column 4"),
      (
        "{\"a\": [1,2,3,4], \"b\": [1,2,3,4], \"c\": 1}",
        "line 3: nothing reads the key 'c'; the columns are 'a', 'b'"
      ),
      ("{\"a\": [1,2,3,1e999], \"b\": [1,2,3,4]}", "line 3"),
    ] {
      let server = try Server(in: folder)
      server.send(right + right + line + "\n")
      let answers = [server.answer(), server.answer()]
      #expect(answers.allSatisfy { $0?.contains("predicted") == true })
      let end = try server.end()
      #expect(end.status == 65 && end.errors.split(separator: "\n").count == 1, "\(line): \(end.errors)")
      #expect(
        end.errors.contains(message) && end.errors.contains("standard input, line 3"),
        "\(line): \(end.errors)")
    }
    #expect(!predictions.isEmpty)
    // A file is there whole or not at all.
    try folder.write("in.jsonl", right + "x\n")
    let file = try Command.run(
      "predict", "run", "--input", "in.jsonl", "--jsonl", "--output", "q.txt", in: folder.url)
    #expect(
      file.status == 65 && file.err.contains("in.jsonl, line 2: ") && !folder.holds("q.txt"), "\(file.err)")
    let csv = try Command.run("predict", "run", "--input", "in.jsonl", "--output", "q.csv", in: folder.url)
    #expect(csv.status == 64 && csv.err.contains("add --jsonl"))
  }

  /// Sequences of any length, one model.
  @Test func sequencesOfAnyLength() throws {
    let folder = try Folder()
    try folder.write(
      "d.ts", ArrayFiles.ts.replacing("@equalLength true\n@seriesLength 3\n", with: "") + "\n7,8:70,80:run\n")
    try folder.write(
      "r.yaml",
      "data: {format: ts, path: d.ts, scale: standard}\nmodel: {cell: gru, hidden_size: 4, head: [{linear: 2}]}\n"
        + "loss: cross_entropy\ntrain: {epochs: 2, batch_size: 8}\n")
    #expect(try Command.run("train", "r.yaml", "--out", "run", in: folder.url).status == 0)
    let outcome = try Command.run("predict", "run", "--input", "d.ts", "--jsonl", in: folder.url)
    let expected = outcome.out.split(separator: "\n").map { line in
      String(line).replacing("\"actual\":\"run\"", with: "\"actual\":null")
        .replacing("\"actual\":\"walk\"", with: "\"actual\":null")
    }
    let server = try Server(in: folder)
    for (index, steps) in ["[[1,10],[2,20],[3,30]]", "[[4,40],[5,50],[6,60]]", "[[7,70],[8,80]]"].enumerated()
    {
      server.send("{\"inputs\": \(steps)}\n")
      #expect(server.answer() == expected[index])
    }
    #expect(try server.end().status == 0)
  }

  func ask(_ folder: Folder, _ lines: String...) throws -> (
    answers: [String], errors: String, status: Int32
  ) {
    let server = try Server(in: folder)
    for line in lines { server.send(line + "\n") }
    let end = try server.end()
    var answers: [String] = []
    while let answer = server.answer() { answers.append(answer) }
    return (answers, end.errors, end.status)
  }

  func train(_ folder: Folder, _ data: String, _ model: String) throws {
    try folder.write(
      "r.yaml",
      "data: {format: csv, path: d.csv, \(data)}\nmodel: {cell: gru, hidden_size: 4, \(model)}\nloss: mse\n"
        + "train: {epochs: 1, batch_size: 8}\n")
    let outcome = try Command.run("train", "r.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  @Test func pairsAndTokens() throws {
    let folder = try Folder()
    try folder.write("pairs.tsv", "on\tO N\nno\tN O\nnoon\tN O O N\nnot\tN O T\n")
    try folder.write(
      "r.yaml",
      """
      data: {format: pairs, path: pairs.tsv, target_tokens: word}
      model: {embedding: 4, cell: gru, hidden_size: 4, decoder: {embedding: 4, attention: dot}, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 1, batch_size: 4}
      """)
    #expect(try Command.run("train", "r.yaml", "--out", "run", in: folder.url).status == 0)
    let server = try Server(in: folder)
    server.send("{\"source\": \"on\", \"id\": 7}\n")
    #expect(
      server.answer()?.hasPrefix(
        "{\"id\":7,\"split\":\"input\",\"sample\":0,\"source\":\"on\",\"actual\":null,\"predicted\":\"")
        == true)
    server.send("{\"source\": \"xyz\"}\n")
    #expect(server.answer()?.hasSuffix("\"source\":\"xyz\",\"actual\":null,\"predicted\":null}") == true)
    #expect(try server.end().status == 0)
  }
}
