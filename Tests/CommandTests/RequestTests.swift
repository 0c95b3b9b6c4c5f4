import Foundation
import TestSupport
import Testing

/// `predict --input - --jsonl`: a program asks line by line and gets each answer before it asks on.
@Suite struct RequestTests {
  /// A `recur predict` that is talked to through pipes.
  private final class Server {
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

  private func trainedWave() throws -> (folder: Folder, predictions: [String]) {
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

  private func ask(_ folder: Folder, _ lines: String...) throws -> (
    answers: [String], errors: String, status: Int32
  ) {
    let server = try Server(in: folder)
    for line in lines { server.send(line + "\n") }
    let end = try server.end()
    var answers: [String] = []
    while let answer = server.answer() { answers.append(answer) }
    return (answers, end.errors, end.status)
  }

  private func train(_ folder: Folder, _ data: String, _ model: String) throws {
    try folder.write(
      "r.yaml",
      "data: {format: csv, path: d.csv, \(data)}\nmodel: {cell: gru, hidden_size: 4, \(model)}\nloss: mse\n"
        + "train: {epochs: 1, batch_size: 8}\n")
    let outcome = try Command.run("train", "r.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  /// What is known in advance is sent with the rows behind the window, and the answer is the file's.
  @Test func columnsKnownInAdvance() throws {
    let folder = try Folder()
    let rows = (0..<40).map { (x: $0 * 7 % 11, k: $0 % 4, c: ["u", "v"][$0 / 3 % 2]) }
    let lines = rows.enumerated().map { "\($0),\($1.x),\($1.k),\($1.c)" }
    try folder.write("d.csv", (["t,x,k,c"] + lines).joined(separator: "\n") + "\n")
    try train(
      folder,
      "time: t, features: [x], targets: [x], known: [k], categorical: [c], scale: standard, window: 3, horizon: [1, 2]",
      "head: [{linear: targets}]")
    try #require(
      try Command.run("predict", "run", "--input", "d.csv", "--jsonl", "--output", "p.jsonl", in: folder.url)
        .status == 0)
    let expected = try folder.read("p.jsonl").split(separator: "\n").map {
      String($0.split(separator: "\"predicted\"")[1])
    }
    func line(_ start: Int, _ known: Int = 5, _ times: Int = 5) -> String {
      let window = start..<start + 3
      let columns: [(String, [String])] = [
        ("x", window.map { "\(rows[$0].x)" }), ("c", window.map { "\"\(rows[$0].c)\"" }),
        ("k", (start..<start + known).map { "\(rows[$0].k)" }),
        ("t", (start..<start + times).map(String.init)),
      ]
      return "{" + columns.map { "\"\($0)\":[\($1.joined(separator: ","))]" }.joined(separator: ",") + "}"
    }
    let found = try ask(folder, line(0), line(9), line(35))
    #expect(found.status == 0, "\(found.errors)")
    #expect(
      found.answers.map { String($0.split(separator: "\"predicted\"")[1]) }
        == [0, 9, 35].map { expected[$0] })
    // What is not sent is not known, and no row is put in another's place.
    for answer in found.answers {
      #expect(answer.contains("\"actual\":{\"x+1\":null,\"x+2\":null}"), "\(answer)")
    }
    for times in ["4,3,2,1,0", "0,1,3,2,4", "0,1,2,4,3"] {
      let back = try ask(folder, line(0).replacing("\"t\":[0,1,2,3,4]", with: "\"t\":[\(times)]"))
      #expect(
        back.status == 65 && back.answers.isEmpty && back.errors.contains("standard input, line 1, value ")
          && back.errors.contains("column 't': the time goes back"), "\(back.errors)")
    }
    let few = try ask(folder, line(0, 3))
    #expect(
      few.status == 65
        && few.errors.contains(
          "'k' has 3 values, and needed are 5: those of the window and of the 2 rows behind it (data.known)"),
      "\(few.errors)")
    let unseen = try ask(
      folder, line(0).replacing("\"u\"", with: "\"new\""), line(0).replacing("\"u\"", with: "\"more\""))
    #expect(
      unseen.status == 0
        && unseen.errors.components(separatedBy: "column 'c' has a value that training did not see, 'new'")
          .count == 2
        && !unseen.errors.contains("more"), "\(unseen.errors)")
  }

  /// A column that names sequences and is read as a category; one value stands for all steps.
  @Test func aGroupMayBeACategory() throws {
    let folder = try Folder()
    let lines = (0..<30).map { "s\($0 / 3),\($0 * 7 % 11),\($0 % 5)" }
    try folder.write("d.csv", (["g,x,y"] + lines).joined(separator: "\n") + "\n")
    try train(
      folder, "group: g, categorical: [g], features: [x], targets: [y]",
      "readout: last_step, head: [{linear: 1}]")
    let whole = try Command.run("predict", "run", "--input", "d.csv", "--jsonl", in: folder.url).out.split(
      separator: "\n")
    let found = try ask(
      folder, "{\"g\": [\"s1\",\"s1\",\"s1\"], \"x\": [10,6,2]}", "{\"g\": \"s1\", \"x\": [10,6,2]}")
    #expect(found.status == 0 && found.answers.count == 2, "\(found.errors)")
    for answer in found.answers {
      #expect(answer.split(separator: "predicted").last == whole[1].split(separator: "predicted").last)
    }
    let two = try ask(folder, "{\"g\": [\"s1\",\"s2\",\"s1\"], \"x\": [1,2,3]}")
    #expect(
      two.status == 65 && two.errors.contains("'g' has several values, and a line is one sequence"),
      "\(two.errors)")
  }

  /// One place for one number.
  @Test func aPlaceHasOneLine() throws {
    let (folder, _) = try trainedWave()
    let wrong = try ask(folder, "{\"inputs\": [[1,2],[3,4],[5,\"x\"],[7,8]]}")
    #expect(
      wrong.errors.contains("standard input, line 1, value 3, column 'b': 'x' is not a number"),
      "\(wrong.errors)")
  }

  /// Of a table whose columns are the series a line has one or several, and each has its answer.
  @Test(arguments: ["\"*\"", "[u, v]"]) func columnsThatAreSeries(_ wide: String) throws {
    let folder = try Folder()
    let lines = (0..<40).map { "\($0),\($0 * 7 % 11),\($0 * 5 % 13 + 100),\($0 % 4)" }
    try folder.write("d.csv", (["t,u,v,k"] + lines).joined(separator: "\n") + "\n")
    try train(
      folder,
      "wide: \(wide), time: t, known: [k], scale: standard, scale_per: series, window: 3, horizon: [1, 2]",
      "head: [{linear: targets}]")
    let whole = try Command.run("predict", "run", "--input", "d.csv", "--jsonl", in: folder.url).out.split(
      separator: "\n")
    func expected(_ series: String, _ start: Int) -> Substring? {
      let own = whole.filter { $0.contains("\"series\":\"\(series)\"") }
      return own[start].split(separator: "\"predicted\"").last
    }
    let (k, t) = ("\"k\": [0,1,2,3,0]", "\"t\": [0,1,2,3,4]")
    let found = try ask(
      folder, "{\"v\": [100,105,110], \"u\": [0,7,3], \(k), \(t), \"id\": 5}",
      "{\"v\": [100,105,110], \(k), \(t)}")
    #expect(found.status == 0 && found.answers.count == 3, "\(found.errors)")
    for (answer, series) in zip(found.answers, ["u", "v", "v"]) {
      #expect(answer.contains("\"series\":\"\(series)\""), "\(answer)")
      #expect(answer.split(separator: "\"predicted\"").last == expected(series, 0), "\(answer)")
    }
    for (line, words) in [
      ("{\(k), \(t)}", "line 1: has no column that is a series (data.wide)"),
      ("{\"inputs\": [1,2,3], \(k), \(t)}", "line 1: has no column that is a series (data.wide)"),
      ("{\"u\": [1,2], \(k), \(t)}", "line 1: 'u' has 2 values, another column 3"),
      ("{\"u\": [1,2,\"x\"], \(k), \(t)}", "column 'u': 'x' is not a number"),
    ] {
      let outcome = try ask(folder, line)
      #expect(
        outcome.status == 65 && outcome.answers.isEmpty && outcome.errors.contains(words), "\(outcome.errors)"
      )
    }
  }

  /// An image is its rows of pixels.
  @Test func images() throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("d"), withIntermediateDirectories: true)
    for (name, bytes) in [("images-idx3", ArrayFiles.images), ("labels-idx1", ArrayFiles.labels)] {
      try Data(bytes).write(to: folder.url.appendingPathComponent("d/train-\(name)-ubyte"))
    }
    try folder.write(
      "r.yaml",
      "data: {format: idx, path: d}\nmodel: {cell: rnn, hidden_size: 4, head: [{linear: 3}]}\n"
        + "loss: cross_entropy\ntrain: {epochs: 1, batch_size: 3}\n")
    #expect(try Command.run("train", "r.yaml", "--out", "run", in: folder.url).status == 0)
    let whole = try Command.run("predict", "run", "--input", "d", "--jsonl", in: folder.url).out.split(
      separator: "\n")
    let pixels = ArrayFiles.pixels.map(String.init)
    let lines = (0..<3).map { image in
      let rows = (0..<2).map {
        "[\(pixels[image * 6 + $0 * 3..<image * 6 + $0 * 3 + 3].joined(separator: ","))]"
      }
      return "{\"inputs\": [\(rows.joined(separator: ","))]}"
    }
    let found = try ask(folder, lines[0], lines[1], lines[2])
    #expect(found.status == 0 && found.answers.count == 3, "\(found.errors)")
    for (answer, line) in zip(found.answers, whole) {
      #expect(answer.split(separator: "\"predicted\"").last == line.split(separator: "\"predicted\"").last)
    }
    for pixel in ["256", "-1", "0.5", "\"x\"", "null"] {
      let wrong = try ask(folder, "{\"inputs\": [[0,0,0],[0,\(pixel),0]]}")
      #expect(
        wrong.status == 65 && wrong.errors.contains("line 1: \"inputs\", step 2, value 2 must be a pixel"),
        "\(wrong.errors)")
    }
  }

  /// Rows of an array that have no steps are sent as they are, or as one step.
  @Test(arguments: ["none", "standard"]) func arraysOfOneStep(_ scale: String) throws {
    let folder = try Folder()
    let numbers = (0..<40).map { Float($0 * 7 % 11) }
    try Data(ArrayFiles.npy("<f4", "(10, 4)", ArrayFiles.bytes(numbers))).write(
      to: folder.url.appendingPathComponent("x.npy"))
    try Data(ArrayFiles.npy("<f4", "(10,)", ArrayFiles.bytes((0..<10).map { Float($0) }))).write(
      to: folder.url.appendingPathComponent("y.npy"))
    try folder.write(
      "r.yaml",
      "data: {format: npy, path: x.npy, labels_path: y.npy, scale: \(scale)}\n"
        + "model: {cell: gru, hidden_size: 4, head: [{linear: targets}]}\nloss: mse\ntrain: {epochs: 1, batch_size: 5}\n"
    )
    #expect(try Command.run("train", "r.yaml", "--out", "run", in: folder.url).status == 0)
    let whole = try Command.run("predict", "run", "--input", "x.npy", "--jsonl", in: folder.url).out.split(
      separator: "\n")
    let found = try ask(folder, "{\"inputs\": [0,7,3,10]}", "{\"inputs\": [[0,7,3,10]]}")
    #expect(found.status == 0 && found.answers.count == 2, "\(found.errors)")
    for answer in found.answers {
      #expect(
        answer.split(separator: "\"predicted\"").last == whole[0].split(separator: "\"predicted\"").last)
    }
    let wrong = try ask(folder, "{\"inputs\": [1,2,3]}")
    #expect(
      wrong.status == 65 && wrong.errors.contains("line 1: \"inputs\", step 1 has 1 values, not 4"),
      "\(wrong.errors)")
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
