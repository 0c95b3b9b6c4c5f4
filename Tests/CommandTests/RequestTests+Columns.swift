import Foundation
import TestSupport
import Testing

/// Lines that carry columns of a table.
extension RequestTests {
  /// What is known in advance is sent with the rows after the window, and the answer is the file's.
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
          "'k' has 3 values, and needed are 5: those of the window and of the 2 rows after it (data.known)"),
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
}
