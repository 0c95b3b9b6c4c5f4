import Foundation
import TestSupport
import Testing

/// train on pairs → evaluate, predict, inspect.
@Suite(.tags(.mpi)) struct PairsTests {
  @Test func writesWhatItFinds() throws {
    let folder = try Folder()
    let words = ["on", "no", "noon", "onto", "ton", "not"]
    let lines = words.map { word in "\(word)\t\(word.map { "\($0)".uppercased() }.joined(separator: " "))\n" }
    try folder.write("pairs.tsv", String(repeating: lines.joined(), count: 30))
    try folder.write(
      "pairs.yaml",
      """
      data: {format: pairs, path: pairs.tsv, target_tokens: word, split: {train: 0.9, test: rest}}
      model: {embedding: 8, cell: lstm, hidden_size: 16, decoder: {embedding: 8, attention: dot}, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: 20, batch_size: 16}
      """)
    let trained = try Command.run("train", "pairs.yaml", "--out", "run", in: folder.url)
    try #require(trained.status == 0, "\(trained.err)")
    #expect(trained.out.contains("decoder with dot attention") && trained.out.contains("error rate"))
    let metrics =
      try Command.run("evaluate", "run", "--json", in: folder.url).json()["test"] as? [String: Any]
    #expect(metrics?["sequence_accuracy"] as? Double == 1 && metrics?["error_rate"] as? Double == 0)
    let predicted = try Command.run("predict", "run", "--output", "p.csv", in: folder.url)
    #expect(predicted.status == 0, "\(predicted.err)")
    let table = try folder.read("p.csv").split(separator: "\n")
    #expect(table.count == 19 && table[0] == "split,sample,source,actual,predicted")
    #expect(table[1] == "test,0,on,O N,O N")
    // Another file's pairs, of which only the sources matter.
    try folder.write("new.tsv", "noon\tO\n")
    #expect(
      try Command.run("predict", "run", "--input", "new.tsv", "--output", "q.csv", in: folder.url).status == 0
    )
    #expect(try folder.read("q.csv").split(separator: "\n")[1] == "input,0,noon,O,N O O N")
    try folder.write("new.tsv", "onto\nnot\tX\n")
    #expect(
      try Command.run("predict", "run", "--input", "new.tsv", "--output", "q.csv", in: folder.url).status == 0
    )
    #expect(
      try folder.read("q.csv").split(separator: "\n").suffix(2) == [
        "input,0,onto,,O N T O", "input,1,not,,N O T",
      ])
    let inspect = try Command.run("inspect", "run", in: folder.url)
    #expect(inspect.status == 0 && inspect.out.contains("decoder_embedding"), "\(inspect.err)")
    let program = try Command.run("inspect", "pairs.yaml", "--program", in: folder.url)
    #expect(program.status == 65 && program.err.contains("use --device cpu"), "\(program.err)")
  }
}
