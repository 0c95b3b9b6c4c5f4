import Foundation
import TestSupport
import Testing

/// Lines that carry images and arrays.
extension RequestTests {
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
}
