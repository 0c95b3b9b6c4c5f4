import Foundation
import Testing

extension Command {
  /// Everything that a command which runs on a terminal sends to it.
  static func onTerminal(_ arguments: [String], in directory: URL) throws -> (status: Int32, sent: [UInt8]) {
    var (master, slave) = (Int32(-1), Int32(-1))
    try #require(openpty(&master, &slave, nil, nil, nil) == 0)
    _ = fcntl(master, F_SETFD, FD_CLOEXEC)
    defer { close(master) }
    let process = Process()
    do {
      let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
      process.executableURL = executable
      process.arguments = arguments
      process.currentDirectoryURL = directory
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = terminal
      process.standardError = terminal
      try process.run()
      try terminal.close()
    }
    var sent: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    // Once the last of its programs has closed it, a terminal is an error to read.
    while case let count = read(master, &buffer, buffer.count), count > 0 { sent += buffer[..<count] }
    process.waitUntilExit()
    return (process.terminationStatus, sent)
  }

  /// What of these bytes a terminal would obey or a reader be misled by; line ends and tabs aside.
  static func orders(in sent: [UInt8]) -> [String] {
    let scalars = String(decoding: sent, as: UTF8.self).unicodeScalars
    return scalars.filter { scalar in
      switch scalar.value {
      case 9, 10, 13: false
      case 0..<32, 127..<160, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x061C, 0x2028, 0x2029: true
      default: false
      }
    }.map { "U+" + String($0.value, radix: 16) }
  }
}
