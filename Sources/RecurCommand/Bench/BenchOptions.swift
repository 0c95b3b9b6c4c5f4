import ArgumentParser
import Diagnostics
import Recur

/// What a case's network has beside its plain cell.
struct BenchOptions: ParsableArguments {
  @Flag(help: "Normalize the gates and the LSTM's cell state.") var layerNorm = false
  @Option(help: ArgumentHelp("Project the LSTM's h to this width.", valueName: "width")) var projSize: Int?
  @Option(help: ArgumentHelp("Drop h on its way into the recurrent product.", valueName: "probability"))
  var recurrentDropout: Float = 0
  @Option(help: ArgumentHelp("Keep units' states of the step before.", valueName: "probability"))
  var zoneout: Float = 0
  @Flag(help: "Give all sequences of a case as many steps as its longest has.") var equalLengths = false

  func validate() throws {
    guard (0..<1).contains(recurrentDropout) && (0..<1).contains(zoneout) else {
      throw ValidationError("--recurrent-dropout and --zoneout must be from 0 to below 1")
    }
  }

  /// Whether a case keeps its plain cell.
  var isPlain: Bool { !layerNorm && projSize == nil && recurrentDropout == 0 && zoneout == 0 }

  func applied(to benchCase: BenchCase) throws -> BenchCase {
    var benchCase = benchCase
    if equalLengths { benchCase.lengths = nil }
    var network = benchCase.network
    network.layerNorm = layerNorm
    network.projectionSize = projSize ?? 0
    network.recurrentDropout = recurrentDropout
    network.zoneout = .init(hidden: zoneout, cell: network.cell.hasCellState ? zoneout : 0)
    do { try network.validate() } catch { throw Failure.usage("\(benchCase.name): \(error.message)") }
    benchCase.network = network
    return benchCase
  }
}
