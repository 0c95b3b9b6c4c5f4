import Foundation
import TestSupport
import Testing

/// Text → class: train, predict a file without answers, and line by line.
@Suite(.tags(.mpi)) struct TextRowCommandTests {
  @Test func learnsWhatWordsSay() throws {
    let folder = try Folder()
    let (good, bad) = (["good", "fine", "great"], ["bad", "awful", "poor"])
    let lines = (0..<120).map { i in
      let word = (i % 2 == 0 ? good : bad)[i / 2 % 3]
      return "\"a \(word) film, I say\",\(i % 2 == 0 ? "up" : "down")"
    }
    try folder.write("films.csv", (["review,verdict"] + lines).joined(separator: "\n") + "\n")
    try folder.write(
      "films.yaml",
      """
      data: {format: csv, path: films.csv, text: review, label: verdict, tokens: word, split: {train: 80, validation: 20, test: rest}}
      model: {embedding: 8, cell: gru, hidden_size: 8, readout: final_state, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: 20, batch_size: 8}
      """)
    let trained = try Command.run("train", "films.yaml", "--out", "run", "--json", in: folder.url)
    try #require(trained.status == 0, "\(trained.err)")
    #expect((try trained.json()["test"] as? [String: Any])?["accuracy"] as? Double == 1)
    try folder.write("new.csv", "review\n\"a great film, I say\"\nunheard bad words\n")
    let predicted = try Command.run("predict", "run", "--input", "new.csv", in: folder.url)
    #expect(predicted.status == 0, "\(predicted.err)")
    let table = predicted.out.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(
      table[0].joined(separator: ",") == "split,sample,row,actual,predicted,probability_down,probability_up")
    #expect(table.dropFirst().map { $0[3...4].joined(separator: ",") } == [",up", ",down"])
    try folder.write(
      "new.jsonl", "{\"review\": \"a great film, I say\", \"id\": 1}\n{\"inputs\": \"unheard bad words\"}\n")
    let asked = try Command.run("predict", "run", "--input", "new.jsonl", "--jsonl", in: folder.url)
    let answers = asked.out.split(separator: "\n")
    #expect(answers.count == 2, "\(asked.err)")
    #expect(
      answers[0].hasPrefix(
        "{\"id\":1,\"split\":\"input\",\"sample\":0,\"actual\":null,\"predicted\":\"up\",\"probabilities\":{\"down\":\(table[1][5]),"
      ))
    #expect(answers[1].contains("\"sample\":1,\"actual\":null,\"predicted\":\"down\""))
    let inspected = try Command.run("inspect", "films.yaml", in: folder.url)
    #expect(inspected.out.contains("tokens → 8"), "\(inspected.err)")
  }
}
