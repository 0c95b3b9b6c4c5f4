import Diagnostics

/// Text that a model makes, as it comes: into a pipe or a file byte for byte, on a terminal with its lines and tabs but without
/// what the terminal would obey.
struct TextStream {
  private let console: Console
  private var screen: ShownStream?

  init(_ console: Console) {
    self.console = console
    screen = console.isOnTerminal ? ShownStream() : nil
  }

  mutating func write(_ bytes: [UInt8]) throws { try console.write(screen?.show(bytes) ?? bytes) }

  /// Ends the text and its line.
  mutating func finish() throws {
    if let rest = screen?.finish() { try console.write(rest) }
    try console.say()
  }
}
