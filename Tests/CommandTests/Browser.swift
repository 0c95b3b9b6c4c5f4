import Foundation
import Testing

/// Chromium without a screen.
enum Browser {
  static let missing: Comment = "needs Chromium: apt-get install chromium"
  static let executable = ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/\($0)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// - dark: what the reader's system prefers.
  static func run(_ arguments: [String], dark: Bool = false, in folder: Folder) throws -> Command.Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(executable))
    process.arguments =
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--disable-dev-shm-usage",
        "--user-data-dir=\(folder.path("profile"))", "--virtual-time-budget=10000",
        "--blink-settings=preferredColorScheme=\(dark ? 0 : 1)",
      ] + arguments
    var files: [FileHandle] = []
    for name in ["browser.out", "browser.err"] {
      try folder.write(name, "")
      files.append(try FileHandle(forWritingTo: folder.url.appendingPathComponent(name)))
    }
    (process.standardOutput, process.standardError) = (files[0], files[1])
    try process.run()
    for _ in 0..<6000 where process.isRunning { usleep(10_000) }
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    return .init(
      status: process.terminationStatus, out: try folder.read("browser.out"),
      err: try folder.read("browser.err"))
  }

  /// What the console of a page was told.
  static func console(_ file: String, in folder: Folder) throws -> [Substring] {
    let outcome = try run(["--dump-dom", "file://\(folder.path(file))"], in: folder)
    try #require(outcome.status == 0 && outcome.out.contains("</html>"), "\(outcome.err)")
    return outcome.err.split(separator: "\n").filter { $0.contains("CONSOLE") }
  }

  /// What a page looks like in a frame as wide as a phone or a desk: the value of an expression of `page` (its document) and `window`.
  static func ask(
    _ expression: String, of page: String, width: Int, dark: Bool = false, in folder: Folder
  ) throws -> [String: Any] {
    let quoted = page.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(
      of: "\"", with: "&quot;")
    try folder.write(
      "frame.html",
      """
      <!DOCTYPE html><html><body><iframe id="frame" width="\(width)" height="900" style="border:0" srcdoc="\(quoted)"></iframe>
      <script>frame.onload = () => {
        const page = frame.contentDocument, window = frame.contentWindow;
        document.title = "answer:" + JSON.stringify(\(expression)) + ":end";
      }</script></body></html>
      """)
    let outcome = try run(["--dump-dom", "file://\(folder.path("frame.html"))"], dark: dark, in: folder)
    let answer = try #require(
      outcome.out.components(separatedBy: "<title>answer:").dropFirst().first?.components(
        separatedBy: ":end</title>"
      )
      .first, "\(outcome.err)")
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")].reduce(answer) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }
}
