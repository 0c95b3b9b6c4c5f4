import Recur

/// The state of a checkpoint whose checksums were verified.
struct CheckpointSummary: Encodable {
  let path: String
  let epoch: Int
  let step: Int
  /// Samples of the unfinished epoch that were used.
  let position: Int
  let seed: UInt64
  let optimizer: String
  let optimizerSteps: Int
  let lastEpochLoss: Double?
  let monitored: String?
  let monitoredValue: Double?
  let elapsedSeconds: Double
  let program: String
  let kernelFamily: String
  /// The library that computed some of the products.
  let products: String?
  let runID: String
  let dataFingerprint: String
  let checksum: String
  /// Whether it was exported: a model without the state of a run.
  let isExported: Bool
  /// Always true: a file that fails is an error.
  var verified = true

  init(_ file: CheckpointFile) {
    let state = file.state
    path = file.path
    epoch = state.epoch
    step = state.step
    position = state.position
    seed = state.seed
    optimizer = state.optimizer.name
    optimizerSteps = state.optimizer.t
    lastEpochLoss = state.epochLosses.last
    monitored = state.monitored?.name
    monitoredValue = state.monitored?.value
    elapsedSeconds = state.elapsedSeconds
    program = state.program
    kernelFamily = state.kernelFamily
    products = state.products?.library
    runID = state.runID
    dataFingerprint = state.dataFingerprint
    checksum = file.checksum
    isExported = file.isExported
  }

  var rows: [[String]] {
    var rows = [
      ["checkpoint", path],
      [
        "position",
        "epoch \(epoch), step \(step)" + (position > 0 ? ", \(position) samples into the epoch" : ""),
      ],
      [
        "optimizer",
        "\(optimizer), \(optimizerSteps) updates" + (isExported ? ", whose state is not here" : ""),
      ],
    ]
    if let lastEpochLoss { rows.append(["training loss", Formatting.precise(lastEpochLoss)]) }
    if let monitored, let monitoredValue, monitored != "train.loss" {
      rows.append([monitored, Formatting.precise(monitoredValue)])
    }
    if let products { rows.append(["products", products]) }
    rows += [
      ["trained for", Formatting.duration(elapsedSeconds)],
      ["written by", kernelFamily.isEmpty ? program : "\(program), \(kernelFamily) kernels"],
      ["seed", "\(seed)"], ["data", dataFingerprint], ["run", runID],
      ["checksums", "verified, sha256 \(checksum)"],
    ]
    return rows.filter { !$0[1].isEmpty }
  }
}
