import Foundation
import TestSupport
import Testing

/// A Python that has mlflow and wandb: `RECUR_TEST_TRACKERS` names it (`.ci/run` makes it).
private let trackersPython = ProcessInfo.processInfo.environment["RECUR_TEST_TRACKERS"].flatMap {
  FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil
}

/// `launch/python/track.py`: each number of a run's log is MLflow's and W&B's once, while the run is under way, stopped and gone on with.
@Suite(
  .tags(.mpi),
  .enabled(
    if: trackersPython != nil, "needs Python with mlflow and wandb; name it in RECUR_TEST_TRACKERS"))
struct TrackTests {
  private static let script = Command.repository.appendingPathComponent("launch/python/track.py").path

  /// Where the clients keep what they get.
  private func places(_ folder: Folder) -> [String: String] {
    [
      "MLFLOW_TRACKING_URI": "file://\(folder.path("mlruns"))", "MLFLOW_ALLOW_FILE_STORE": "true",
      "WANDB_MODE": "offline", "WANDB_DIR": folder.url.path,
    ]
  }

  private func track(_ folder: Folder, _ words: String...) throws -> Outcome {
    try run(trackersPython!, [Self.script] + words, environment: places(folder), limit: 120)
  }

  private func expectGood(_ folder: Folder, _ program: String) throws {
    let outcome = try run(
      trackersPython!, ["-c", program, folder.url.path], environment: places(folder), limit: 120)
    #expect(outcome.status == 0 && outcome.output.hasSuffix("good\n"), "\(outcome.output)\(outcome.errors)")
  }

  private func train(_ folder: Folder, _ words: String...) throws {
    let outcome = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "run", "--set", "train.log_every_steps=2"] + words,
      in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  /// A run whose last lines are not there yet, the last of them cut.
  private func cut(_ folder: Folder) throws -> String {
    let log = try folder.read("run/metrics.jsonl")
    try folder.write("run/metrics.jsonl", String(log.prefix(log.count * 2 / 3)))
    return log
  }

  /// Each number as the log has it, by name and step.
  private static let wanted = """
    import json, sys
    folder = sys.argv[1] + "/"
    wanted = {}
    for line in open(folder + "run/metrics.jsonl"):
      line = json.loads(line)
      event = line.pop("event")
      for key, value in line.items():
        step = line.get("evaluated_step", line["step"]) if isinstance(value, dict) else line["step"]
        prefix = key if event == "epoch" else event + "/" + key
        for name, number in value.items() if isinstance(value, dict) else [(None, value)]:
          if isinstance(number, (int, float)) and key not in ("epoch", "epochs", "step", "evaluated_step"):
            wanted[prefix + "/" + name if name else event + "/" + key, step] = number
    """

  @Test func mlflowHasEachNumberOnce() throws {
    let folder = try Folder()
    try folder.writeWave()
    try train(folder)
    let log = try cut(folder)
    let first = try track(folder, "mlflow", folder.path("run"), "--project", "waves")
    #expect(first.status == 0, "\(first.errors)")
    try folder.write("run/metrics.jsonl", log)
    for again in [false, true] {
      let outcome = try track(folder, "mlflow", folder.path("run"), "--project", "waves")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasSuffix(": 0 numbers to mlflow\n") == again, "\(outcome.output)")
    }
    try expectGood(
      folder,
      Self.wanted + """

        from mlflow.tracking import MlflowClient
        client = MlflowClient()
        runs = client.search_runs([client.get_experiment_by_name("waves").experiment_id])
        assert len(runs) == 1 and runs[0].info.status == "FINISHED" and runs[0].info.run_name == "run", runs
        assert runs[0].data.params["optimizer.name"] == "adam" and runs[0].data.params["train.log_every_steps"] == "2"
        found = [(name, one.step, one.value) for name in runs[0].data.metrics for one in client.get_metric_history(runs[0].info.run_id, name)]
        assert len(found) == len({one[:2] for one in found}) == len(wanted) > 40, (len(found), len(wanted))
        assert all(wanted[name, step] == value for name, step, value in found)
        print("good")
        """)
  }

  @Test func weightsAndBiasesLosesNothingOfARunUnderWay() throws {
    let folder = try Folder()
    try folder.writeWave()
    try train(folder)
    let log = try cut(folder)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: trackersPython!)
    process.arguments = [Self.script, "wandb", "run", "--follow"]
    process.currentDirectoryURL = folder.url
    process.environment = ProcessInfo.processInfo.environment.merging(places(folder)) { $1 }
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    // It has read the first part when its folder is there for a while.
    for _ in 0..<6000 where !folder.holds("wandb/latest-run") { usleep(10_000) }
    sleep(4)
    try folder.write("run/metrics.jsonl", log)
    for _ in 0..<6000 where process.isRunning { usleep(10_000) }
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    try expectGood(
      folder,
      Self.wanted + """

        import glob, struct
        from wandb.proto import wandb_internal_pb2
        def records(data, at=7, part=b""):  # LevelDB's log, after seven bytes.
          while at + 7 <= len(data):
            left = 32768 - at % 32768
            if left < 7:
              at += left
              continue
            _, size, kind = struct.unpack_from("<IHB", data, at)
            part, at = part + data[at + 7:at + 7 + size], at + 7 + size
            if kind in (1, 4):
              yield wandb_internal_pb2.Record.FromString(part)
              part = b""
        found, paths = [], glob.glob(folder + "wandb/offline-run-*/*.wandb")
        for record in records(open(paths[0], "rb").read()):
          items = [(item.key or "/".join(item.nested_key), json.loads(item.value_json)) for item in record.history.item]
          found += [item for item in items if item[0][0] != "_"]
        assert sorted(found) == sorted((name, value) for (name, step), value in wanted.items()), (len(found), len(wanted))
        assert len(paths) == 1 and len(found) > 40
        print("good")
        """)
  }

  @Test func whatIsNoRunIsOneLine() throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(
      atPath: folder.path("broken"), withIntermediateDirectories: true)
    try folder.write("broken/metrics.jsonl", "{\"event\":\"epoch\",\n")
    try folder.write("broken/recipe.yaml", "name: x\n")
    for (name, text) in [
      ("none", "no run, it has no metrics.jsonl"),
      ("broken", "metrics.jsonl, line 1: not a line that recur writes"),
    ] {
      let outcome = try track(folder, "mlflow", folder.path(name))
      #expect(outcome.status == 1 && outcome.errors.contains(text), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }
}
