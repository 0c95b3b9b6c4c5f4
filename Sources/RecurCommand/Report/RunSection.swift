import Diagnostics
import Recur

/// The part of a page that is about one run.
struct RunSection {
  private let run: RunFindings
  private let name: String
  private let id: String
  private var summary: RunSummary { run.summary }

  init(_ run: RunFindings, name: String, id: String) { (self.run, self.name, self.id) = (run, name, id) }

  /// - detail: points of a curve, at most twice that.
  func markup(detail: Int) -> Markup {
    Markup("section", ["id": id]) {
      Markup("h2") { "Run \(name.shortened(to: 100))" }
      Markup.table("What was reached", facts)
      summary.notes.map(Markup.remark)
      run.missing.map(Markup.remark)
      measured
      data
      predictions(detail)
      time(detail)
      recipe
      environment
    }
  }

  private func part(_ heading: String, @MarkupBuilder _ content: () -> Markup) -> Markup {
    let content = content()
    guard content.count > 0 else { return Markup() }
    return Markup("section") {
      Markup("h3") { heading }
      content
    }
  }

  private var facts: TextTable {
    var rows = [["run", summary.path], ["status", summary.status.words]]
    if let recipe = summary.recipe {
      rows += [["network", recipe.model.summary], ["loss", recipe.loss.name]]
      rows.append([
        "optimizer",
        "\(recipe.optimizer.name), learning rate \(Formatting.short(recipe.scaledLearningRate))",
      ])
      rows.append([
        "epochs", "\(summary.epochs) of \(recipe.train.epochs), \(Formatting.grouped(summary.steps)) steps",
      ])
    }
    if let parameters = summary.parameters { rows.append(["parameters", Formatting.grouped(parameters)]) }
    if let seconds = summary.seconds { rows.append(["trained for", Formatting.duration(seconds)]) }
    if let checkpoint = run.checkpoint {
      let chosen =
        ChosenBy(checkpoint).map { ", the best by \($0.metric), \(Formatting.short($0.value))" } ?? ""
      rows.append(["measured", "epoch \(checkpoint.epoch), step \(checkpoint.step)\(chosen)"])
    }
    return TextTable(rows: rows)
  }

  /// Metrics as `evaluate` has them; where the data are gone, those of the log.
  private var measured: Markup {
    part("Metrics") {
      if run.parts.isEmpty {
        Markup.table("Metrics that the log has", logged)
      } else {
        Markup.table("Metrics", table)
      }
      run.parts.flatMap(details)
    }
  }

  /// Class by class and target by target; the confusions are a picture.
  private func details(_ part: RunFindings.MeasuredPart) -> [Markup] {
    DetailTables(details: part.details).tables.filter { !$0.isMatrix }.map { table in
      let name = table.name.capitalizedFirst
      return Markup("details") {
        Markup("summary") { "\(name), \(part.split.rawValue)" }
        Markup.table("\(name) of the \(part.split.rawValue) part", table.table)
        table.more > 0 ? Markup.remark("… and \(table.more) more; recur evaluate --json has all.") : nil
      }
    }
  }

  private var table: TextTable {
    var table = MetricsTable(loss: summary.recipe?.loss.name ?? "loss")
    table.add(
      "training, last epoch", loss: summary.last?.values["train.loss"],
      accuracy: summary.last?.values["train.accuracy"])
    for part in run.parts { table.add(part.split.rawValue, part.metrics) }
    return table.table
  }

  private var logged: TextTable {
    let values = (summary.chosen?.values ?? [:]).sorted { $0.key < $1.key }
    return TextTable(
      header: ["metric", "value"], rows: values.map { [$0.key.text, Formatting.precise($0.value)] })
  }

  private var recipe: Markup {
    part("Recipe") {
      if let recipe = summary.recipe {
        Markup("details") {
          Markup("summary") { "All keys with their values" }
          Markup("pre", ["tabindex": "0"]) { Markup(lines: recipe.effectiveYAML.shortened(to: 60_000)) }
        }
      }
    }
  }
}

extension RunSection {
  private var data: Markup {
    part("Data and split") {
      if let recipe = summary.recipe {
        Markup.table("Where the data come from", TextTable(rows: recipe.data.origins))
      }
      if let data = run.data {
        Markup("p") { data.what.capitalizedFirst + "." }
        Markup.table("Parts", data.partsTable)
        data.unused > 0 ? Markup("p") { "\(Formatting.grouped(data.unused)) in no part." } : nil
        data.scales.isEmpty
          ? Markup()
          : Markup("details") {
            Markup("summary") { "Scales: \(data.formula ?? "")" }
            Markup.table("Scales", data.scalesTable)
          }
      }
    }
  }

  private func predictions(_ detail: Int) -> Markup {
    let split = run.parts.last?.split.rawValue ?? ""
    var panels: [(Panel, String)] = []
    if let panel = run.predictions { panels.append((panel, "Predicted and actual")) }
    for panel in run.future { panels.append((panel, "What comes after the last row: \(panel.yLabel)")) }
    if let last = run.parts.last, let panel = Panel.confusion(last.details, last.split) {
      panels.append((panel, "Which class was taken for which, \(split)"))
    }
    return part("Predictions") {
      ReportPage.figures(panels.map(\.0), "\(id)-prediction", titles: panels.map(\.1), detail: detail)
      if let series = run.series {
        Markup.table(
          "Errors by series, \(split), in the units of the file, the largest first", series.table)
        series.rows.count > SeriesErrors.mostRows
          ? Markup.remark(
            "… and \(Formatting.grouped(series.rows.count - SeriesErrors.mostRows)) more series.") : nil
      }
    }
  }

  private func time(_ detail: Int) -> Markup {
    part("Time") {
      if let log = run.log, !log.epochs.isEmpty {
        let times = TimeSplit(log, dedicated: summary.recipe?.distributed.coordinator == .dedicated)
        ReportPage.figures(times.panels, "\(id)-time", detail: min(detail, 150))
        if let split = times.split {
          Markup.table("The time of the rank that writes the log", split)
        } else {
          Markup("p") { "One process trained: nobody waited, and nothing was exchanged." }
        }
        times.stragglers.map { Markup.table("Ranks, and who kept the others waiting", $0) }
      }
    }
  }

  private var environment: Markup {
    part("Environment") {
      if let state = run.checkpoint?.file.state {
        Markup.table("What it was trained with", TextTable(rows: environment(state)))
      }
    }
  }

  private func environment(_ state: CheckpointState) -> [[String]] {
    var rows = [["program", state.program], ["kernel family", state.kernelFamily]]
    rows.append(["large products", state.products?.library ?? "own kernels"])
    if let log = run.log {
      let times = TimeSplit(log, dedicated: false)
      rows.append(["workers", "\(times.ranks)"])
    }
    rows += [
      ["checkpoint", run.checkpoint?.path ?? ""], ["its sha256", run.checkpoint?.file.checksum ?? ""],
      ["data", state.dataFingerprint], ["run", state.runID],
    ]
    return rows.filter { !$0[1].isEmpty }
  }
}

extension RunSummary.RunStatus {
  var words: String {
    switch self {
    case .completed: "completed"
    case .earlyStopped: "stopped early: no more improvement"
    case .interrupted: "stopped as asked, not at its end"
    case .running: "under way"
    case .unfinished: "not ended: it was killed, or its machine went away"
    case .failed: "failed"
    }
  }
}

extension DataSpecification {
  /// Files, and how they are cut, as a recipe names them.
  fileprivate var origins: [[String]] {
    let files = paths.isEmpty ? [path] : paths
    let shown =
      files.prefix(10).joined(separator: ", ") + (files.count > 10 ? " and \(files.count - 10) more" : "")
    var rows = [["format", format.rawValue], ["files", shown]]
    if let validationPath { rows.append(["validation", validationPath]) }
    if let testPath { rows.append(["test", testPath]) }
    return rows
  }
}

extension String {
  /// With a large first letter, of words of this program.
  fileprivate var capitalizedFirst: String {
    // text: ASCII.
    prefix(1).uppercased() + dropFirst()
  }
}
