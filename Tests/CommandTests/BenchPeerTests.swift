import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct BenchPeerTests {
  private static func python(_ variable: String, _ module: String) -> String? {
    ProcessInfo.processInfo.environment[variable].flatMap { python in
      let outcome = try? run(python, ["-c", "import \(module)"])
      return outcome?.status == 0 ? python : nil
    }
  }
  private static let torch = python("RECUR_TEST_PYTHON", "torch")
  private static let onnx = python("RECUR_TEST_ONNX", "onnxruntime")

  @Test func outputsOfABatchOfASampleAndOfAStepAreTimed() throws {
    let outcome = try Command.run(
      "bench", "mid-gru", "mnist-bilstm", "gru-8-5-3", "--inference", "--seconds", "0.02", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    let cases = try #require(try outcome.json()["cases"] as? [[String: Any]])
    let tasks = cases.map { "\($0["name"] as! String) \($0["task"] as! String)" }
    // Two directions can't be stepped.
    #expect(
      tasks == [
        "mid-gru batch", "mid-gru sample", "mid-gru stepping", "mnist-bilstm batch", "mnist-bilstm sample",
        "gru-8-5-3 batch", "gru-8-5-3 sample", "gru-8-5-3 stepping",
      ])
    for one in cases {
      let times = try #require(one["milliseconds"] as? [String: Double])
      let ordered = try ["min", "p25", "median", "p90"].map { try #require(times[$0]) }
      #expect(ordered == ordered.sorted() && ordered[0] > 0)
    }
  }

  @Test(.enabled(if: torch != nil, "needs Python with torch; name it in RECUR_TEST_PYTHON"))
  func torchTakesTheSameSteps() throws {
    // Its script counts the parameters of its own network, which must be as many.
    let outcome = try Command.run(
      "bench", "stock-lstm", "mnist-bilstm", "vowels-lstm", "gru-8-5-3", "--compare", "torch", "--python",
      try #require(Self.torch), "--seconds", "0.1", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    let cases = try #require(try outcome.json()["cases"] as? [[String: Any]])
    #expect(cases.count == 4)
    for one in cases {
      let peer = try #require((one["peers"] as? [[String: Any]])?.first)
      #expect((peer["library"] as? String)?.hasPrefix("PyTorch 2") == true)
      let ratio = try #require(peer["ratio"] as? [String: Double])
      let (theirs, ours) = (
        peer["milliseconds"] as! [String: Double], one["milliseconds"] as! [String: Double]
      )
      #expect(abs(ratio["median"]! - theirs["median"]! / ours["median"]!) < 1e-9)
      #expect(ratio["least"]! <= ratio["greatest"]!)
    }
  }

  @Test(.enabled(if: onnx != nil, "needs Python with onnxruntime; name it in RECUR_TEST_ONNX"))
  func onnxRuntimeInfersTheExportedNetwork() throws {
    let outcome = try Command.run(
      "bench", "stock-gru", "vowels-lstm", "gru-8-5-3", "--inference", "--compare", "onnx", "--python",
      try #require(Self.onnx), "--seconds", "0.05", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    let cases = try #require(try outcome.json()["cases"] as? [[String: Any]])
    #expect(cases.count == 8)
    #expect(cases.allSatisfy { ($0["peers"] as? [[String: Any]])?.count == 1 })
  }

  @Test func whatCantBeComparedIsOneLine() throws {
    for (arguments, code, words) in [
      (["--compare", "keras"], 64, "torch|jax|onnx"), (["--compare", "torch,torch"], 64, "torch|jax|onnx"),
      (["--compare", "onnx"], 64, "does not train"),
      (["--compare", "torch", "--layer-norm"], 64, "plain cells"),
      (["--compare", "torch", "--precision", "bf16"], 64, "fp32"),
      (["--inference", "--profile"], 64, "without --profile"),
      (["--compare", "torch", "--python", "/nowhere/python"], 69, "/nowhere/python"),
      // A Python without any package beside its own.
      (["--compare", "torch", "--python", "/usr/bin/false"], 69, "--compare torch"),
    ] as [([String], Int32, String)] {
      let outcome = try Command.run(arguments: ["bench", "stock-gru", "--seconds", "0.01"] + arguments)
      #expect(
        outcome.status == code && outcome.err.contains(words),
        "\(arguments): \(outcome.status) \(outcome.err)")
    }
  }
}
