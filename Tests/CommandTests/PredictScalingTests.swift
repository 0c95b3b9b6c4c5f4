import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct PredictScalingTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave()
  }

  private func predict(_ arguments: String...) throws -> Command.Outcome {
    try Command.Running(
      ["predict-scaling", folder.path("wave.yaml")] + arguments, in: folder.url, environment: [:]
    ).outcome()
  }

  private func cases(_ outcome: Command.Outcome) throws -> [[String: Any]] {
    #expect(outcome.status == 0, "\(outcome.err)")
    return try #require(try outcome.json()["cases"] as? [[String: Any]])
  }

  private func number(_ one: [String: Any], _ key: String) throws -> Double {
    try #require(one[key] as? Double ?? (one[key] as? Int).map(Double.init), "\(key)")
  }

  @Test func eachNumberOfHostsIsALine() throws {
    let arguments = ["--hosts", "1,2,8", "--ranks-per-host", "2", "--network", "1Gbit,100us"]
    let outcome = try Command.Running(
      ["predict-scaling", folder.path("wave.yaml"), "--json"] + arguments, in: folder.url, environment: [:]
    ).outcome()
    let all = try cases(outcome)
    #expect(all.map { $0["hosts"] as? Int } == [1, 2, 8])
    #expect(all.map { $0["ranks"] as? Int } == [2, 4, 16])
    // A batch of eight: on 16 ranks some have none, which is said.
    #expect(all.map { $0["samples_per_rank"] as? Int } == [4, 2, 1])
    #expect(outcome.err.contains("make train.batch_size larger"), "\(outcome.err)")
    for one in all {
      let step = try number(one, "step_milliseconds")
      #expect(try step > number(one, "compute_milliseconds"))
      #expect(try abs(number(one, "samples_per_second") * step / 1000 - 8) < 1e-6)
      #expect(try number(one, "memory_per_host") > 1e6)
    }
    #expect(try number(all[0], "bytes_per_host") == 0)
    // Small gradients travel whole: one round between two hosts, three between eight.
    let parameters = try #require(try outcome.json()["parameters"] as? Int)
    #expect(try number(all[1], "bytes_per_host") == Double(4 * parameters))
    #expect(try number(all[2], "bytes_per_host") == Double(3 * 4 * parameters))
    #expect(try abs(number(all[1], "sum_milliseconds") - 0.1) < 0.05)
  }

  @Test func theBatchMayGrow() throws {
    let all = try cases(
      predict("--hosts", "2,4", "--network", "1Gbit,1ms", "--samples-per-rank", "8", "--json"))
    #expect(all.map { $0["samples_per_rank"] as? Int } == [8, 8])
    let steps = try all.map { try number($0, "step_milliseconds") }
    #expect(try abs(number(all[1], "samples_per_second") * steps[1] / 1000 - 32) < 1e-6)
    #expect(steps[0] > 1 && steps[1] > 2)
    let table = try predict("--hosts", "2", "--network", "1Gbit,1ms")
    #expect(
      table.out.contains("efficiency") && table.out.contains("network (given): 1 Gbit/s, 1000 us"),
      "\(table.out)")
  }

  @Test func whatDoesNotFitIsOneLine() throws {
    let cases: [([String], String)] = [
      (["--hosts", "2"], "give --network RATE,LATENCY, or --measure"),
      (["--hosts", "2", "--network", "1Gbit,1ms", "--measure"], "one of them"),
      (["--hosts", "2", "--network", "fast"], "`fast` is not a rate and a latency; write 10Gbit,50us"),
      (["--hosts", "2,x", "--network", "1Gbit,1ms"], "--hosts"),
      (["--hosts", "0", "--network", "1Gbit,1ms"], "--hosts"),
      (["--hosts", "2", "--network", "1Gbit,1ms", "--ranks-per-host", "0"], "--ranks-per-host must be"),
      (["--hosts", "2", "--measure"], "--measure needs ranks on two machines or more"),
    ]
    for (arguments, part) in cases {
      let outcome = try Command.Running(
        ["predict-scaling", folder.path("wave.yaml")] + arguments, in: folder.url, environment: [:]
      ).outcome()
      #expect(outcome.status == 64, "\(arguments): \(outcome.err)")
      #expect(outcome.err.contains(part), "\(outcome.err)")
    }
    let missing = try Command.run("predict-scaling", "nowhere.yaml", "--hosts", "2", "--network", "1Gbit,1ms")
    #expect(missing.status == 66, "\(missing.err)")
  }
}

/// What is measured of a launch, where links are as fast as `cluster/wire.c` makes them: on a machine that does other
/// work a measurement may be slower than the link, never faster.
@Suite(
  .tags(.mpi), .serialized, .enabled(if: Testbed.hasSlowLinks, Comment(rawValue: Testbed.needsForSlowLinks)))
struct ScalingMeasurementTests {
  @Test func measuresTheNetworkOfALaunch() throws {
    let folder = try Folder()
    try folder.writeWave()
    try Testbed.with(hosts: 2, slots: 1, delay: 1000, rate: 100) { hosts in
      let outcome = try hosts.launch([
        "predict-scaling", folder.path("wave.yaml"), "--hosts", "2,64", "--measure", "--json",
      ])
      #expect(outcome.status == 0, "\(outcome.err)")
      let network = try #require(try outcome.json()["network"] as? [String: Any])
      #expect(network["is_measured"] as? Bool == true)
      let rate = try #require(network["gbit_per_second"] as? Double)
      let latency = try #require(network["latency_microseconds"] as? Double)
      #expect(rate > 0 && rate <= 1.02 * 0.1 && latency >= 500, "\(network)")
      #expect(network["congestion"] as? Double == 1, "two hosts have none to share a link with")
      let cases = try #require(try outcome.json()["cases"] as? [[String: Any]])
      #expect(cases.map { $0["hosts"] as? Int } == [2, 64])
      for one in cases { #expect(try #require(one["sum_milliseconds"] as? Double) > 0.5) }
    }
  }
}

/// The model against steps over a network of known speed: steps that are bound by it, since hosts of one machine share its
/// processors. What a step takes hangs on what else the machine does, so this is for a quiet one.
@Suite(
  .tags(.mpi), .serialized, .enabled(if: Testbed.hasSlowLinks, Comment(rawValue: Testbed.needsForSlowLinks)),
  .enabled(
    if: ProcessInfo.processInfo.environment["RECUR_SCALING"] != nil,
    "compares times, which takes a quiet machine: RECUR_SCALING=1 asks for it"))
struct ScalingAccuracyTests {
  /// How far a prediction may be from what was measured.
  private static let share = 0.1

  /// 400,000 parameters over 50 Mbit/s and 1 ms: a quarter of a second a step and more.
  private static func recipe(_ folder: Folder) throws {
    try folder.writeWave(epochs: 4)
    let small = try folder.read("wave.yaml")
    try folder.write("wave.yaml", small.replacing("hidden_size: 6", with: "hidden_size: 364"))
  }

  @Test(arguments: [1, 2, 4, 8]) func stepsTakeWhatWasPredicted(hosts count: Int) throws {
    let folder = try Folder()
    try Self.recipe(folder)
    try Testbed.with(hosts: count, slots: 1, delay: 1000, rate: 50) { hosts in
      let predict = try Command.run(
        "predict-scaling", folder.path("wave.yaml"), "--hosts", "\(count)", "--network", "50Mbit,1000us",
        "--json")
      let one = try #require((try predict.json()["cases"] as? [[String: Any]])?.first, "\(predict.err)")
      let predicted = try #require(one["step_milliseconds"] as? Double)
      let outcome = try hosts.launch([
        "train", folder.path("wave.yaml"), "--out", folder.path("run-\(count)"), "--json",
      ])
      #expect(outcome.status == 0, "\(outcome.err)")
      let times = try #require(try outcome.json()["step_milliseconds"] as? [String: Double])
      let median = try #require(times["median"])
      print("\(count) hosts: predicted \(predicted) ms, took \(median) ms")
      #expect(
        abs(predicted / median - 1) < Self.share,
        "\(count) hosts: predicted \(predicted) ms, took \(median) ms")
    }
  }

  /// What is measured of a launch is what its network was made with.
  @Test func theMeasuredRateIsTheLinks() throws {
    let folder = try Folder()
    try folder.writeWave()
    try Testbed.with(hosts: 2, slots: 1, delay: 1000, rate: 100) { hosts in
      let outcome = try hosts.launch([
        "predict-scaling", folder.path("wave.yaml"), "--hosts", "2", "--measure", "--json",
      ])
      #expect(outcome.status == 0, "\(outcome.err)")
      let network = try #require(try outcome.json()["network"] as? [String: Any])
      let rate = try #require(network["gbit_per_second"] as? Double)
      #expect(abs(rate / 0.1 - 1) < Self.share, "\(network)")
      #expect(try (900...2000).contains(#require(network["latency_microseconds"] as? Double)), "\(network)")
    }
  }
}

extension Testbed {
  /// A job of as many ranks as the hosts have slots. On slow links Open MPI's own way with long messages would wait for words that stand behind others'
  /// bytes (Collective's page).
  fileprivate func launch(_ command: [String]) throws -> Command.Outcome {
    let options = ["--hostfile", hostfile, "--agent", agent, "--network", Self.network]
    return try Command.Outcome(
      run(
        [Command.executable.path, "launch"] + options + ["--"] + command,
        environment: ["OMPI_MCA_btl_tcp_flags": "send,inplace"]))
  }
}
