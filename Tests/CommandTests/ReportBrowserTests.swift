import Foundation
import TestSupport
import Testing

/// The page of `recur report` in a browser: nothing is complained of, it is as wide as the screen, and follows the reader's colours.
@Suite(.tags(.mpi), .enabled(if: Browser.executable != nil, Browser.missing)) struct ReportBrowserTests {
  private func page() throws -> Folder {
    let folder = try Folder()
    try folder.writeWave()
    for name in ["run", "a-run-with-a-name-that-is-longer-than-the-screen-of-any-phone-is-wide"] {
      let outcome = try Command.run(
        "train", "wave.yaml", "--out", name, "--set", "seed=\(name.count)", "--set",
        "loss={name: quantile, levels: [0.1, 0.5, 0.9]}", "--set", "model.head=[{linear: targets}]",
        in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    let report = try Command.run(
      "report", "run", "a-run-with-a-name-that-is-longer-than-the-screen-of-any-phone-is-wide", "--output",
      "p.html", in: folder.url)
    try #require(report.status == 0, "\(report.err)")
    return folder
  }

  @Test func theConsoleStaysEmpty() throws {
    let folder = try page()
    #expect(try Browser.console("p.html", in: folder) == [])
    // What is looked for is found where it is.
    try folder.write(
      "wrong.html",
      "<!DOCTYPE html><html><body><img src='nothing.png'><script>nothing()</script></body></html>")
    #expect(try !Browser.console("wrong.html", in: folder).isEmpty)
  }

  @Test(arguments: [false, true]) func aScreenshotShowsIt(_ dark: Bool) throws {
    let folder = try page()
    func size(_ page: String) throws -> Int {
      let outcome = try Browser.run(
        [
          "--screenshot=\(folder.path("p.png"))", "--window-size=1280,2200", "--hide-scrollbars",
          "file://\(folder.path(page))",
        ], dark: dark, in: folder)
      try #require(outcome.status == 0 && folder.holds("p.png"), "\(outcome.err)")
      return try Data(contentsOf: folder.url.appendingPathComponent("p.png")).count
    }
    try folder.write("empty.html", "<!DOCTYPE html><html><body></body></html>")
    let (shown, empty) = (try size("p.html"), try size("empty.html"))
    #expect(shown > 5 * empty && shown > 50_000, "\(shown) and \(empty) bytes")
  }

  private static let question = """
    (() => {
      const pictures = [...page.querySelectorAll('figure > svg')], wide = [...page.querySelectorAll('.wide')];
      const sizes = pictures.map(p => p.getBoundingClientRect().width / p.viewBox.baseVal.width * 13);
      const style = window.getComputedStyle(page.body);
      wide[0].focus();
      return {
        width: page.documentElement.scrollWidth, seen: page.documentElement.clientWidth, letters: Math.min(...sizes),
        pictures: pictures.length, back: style.backgroundColor, ink: style.color, focused: page.activeElement === wide[0],
        cut: wide.filter(w => w.getBoundingClientRect().right > page.documentElement.clientWidth + 1).length,
        links: [...page.querySelectorAll('a')].every(a => a.tabIndex === 0) };
    })()
    """

  @Test(arguments: [390, 1280], [false, true])
  func itFitsTheScreen(_ width: Int, _ dark: Bool) throws {
    let folder = try page()
    let found = try Browser.ask(
      Self.question, of: folder.read("p.html"), width: width, dark: dark, in: folder)
    #expect(found["width"] as? Int == found["seen"] as? Int, "\(found)")
    #expect(found["cut"] as? Int == 0 && found["focused"] as? Bool == true && found["links"] as? Bool == true)
    #expect((found["letters"] as? Double ?? 0) > 9, "\(found)")
    #expect((found["pictures"] as? Int ?? 0) > 8, "\(found)")
    func light(_ key: String) -> Int {
      (found[key] as? String ?? "").split { !$0.isNumber }.prefix(3).compactMap { Int($0) }.reduce(0, +)
    }
    #expect((light("back") > light("ink")) == !dark, "\(found)")
    #expect(abs(light("back") - light("ink")) > 450, "\(found)")
  }
}
