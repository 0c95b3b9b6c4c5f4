import Diagnostics
import Files
import Foundation
import TestSupport
import Testing

@Suite(.tags(.fast)) struct OutputFileTests {
  private func failure(_ body: () throws -> Void) -> Failure? {
    do { try body() } catch { return error as? Failure }
    return nil
  }

  private func write(_ line: String, to path: String) throws {
    let file = try OutputFile(path, option: "--output")
    try file.write(line)
    try file.close()
  }

  private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  private func names(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func aFileIsThereWholeOrNotAtAll() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    var file: OutputFile? = try OutputFile(path, option: "--output")
    try file?.write("half")
    let during = try names(folder)
    #expect(during.count == 1 && mode("\(folder.path)/\(during[0])") == 0o600)
    file = nil
    #expect(try names(folder) == [])
    try write("whole", to: path)
    #expect(text(path) == "whole\n")
    #expect(try names(folder) == ["out"])
    try OutputFile.check(folder.path + "/other", option: "--trace")
    #expect(try names(folder) == ["out"])
  }

  /// A name that another program would open as another format is refused; a name that says nothing may be anything's.
  @Test func aNameThatDeniesTheContentsIsRefused() throws {
    let folder = try TemporaryFolder()
    func line(_ name: String, _ contents: OutputContents) -> String? {
      failure { _ = try OutputFile("\(folder.path)/\(name)", option: "--output", of: contents) }.map {
        #expect($0.kind == .usage)
        return $0.message
      }
    }
    for name in ["x.parquet", "x.XLSX", "x.csv.gz", "x.npz", "x.tsv", "x.json", "x.svg", "x.safetensors"] {
      let words =
        "is what is written, and .\(Paths.ending(of: name)) is the ending of something else; end the name in .csv"
      #expect(line(name, .table)?.hasSuffix("/\(name): CSV \(words)") == true, "\(name)")
      #expect(line(name, .predictions)?.hasSuffix("in .csv, .jsonl or .npy") == true, "\(name)")
    }
    for name in ["x", "x.csv", "x.CSV", "x.txt", "x.2024", "tmp.aB3dE5", ".csv", "x.", "parquet"] {
      #expect(line(name, .table) == nil, "\(name)")
    }
    #expect(line("x.json", .lines) == nil && line("x.csv", .lines) != nil && line("x.npy", .arrays) != nil)
    #expect(line("x.NPY", .array) == nil && line("x.htm", .page) == nil && line("x.pdf", .page) != nil)
    #expect(try names(folder) == [])
    // What is written straight into has no format by its name.
    let fifo = folder.path + "/out.parquet"
    #expect(mkfifo(fifo, 0o600) == 0)
    try OutputFile.check(fifo, option: "--output", of: .table)
  }

  /// One of two outputs that are one file would be lost.
  @Test func twoOutputsAreTwoFiles() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    func second(_ other: String) -> Failure? {
      failure { _ = try OutputFile(path, option: "--plot", besides: ("--output", other)) }
    }
    for isThere in [false, true] {
      if isThere {
        try write("x", to: path)
        #expect(symlink("out", folder.path + "/link") == 0)
      }
      for other in [path, "\(folder.path)/./out"] + (isThere ? ["\(folder.path)/link"] : []) {
        let found = second(other)
        #expect(
          found?.kind == .usage && found?.message.contains("is the file of --output as well") == true,
          "\(other): \(String(describing: found))")
      }
      #expect(second("-") == nil && second(folder.path + "/other") == nil)
    }
  }

  @Test func theModeIsTheUmasksOrThatOfTheFileReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    let mask = umask(0)
    umask(mask)
    try write("new", to: path)
    #expect(mode(path) == 0o666 & ~mask)
    #expect(chmod(path, 0o640) == 0)
    try write("again", to: path)
    #expect(mode(path) == 0o640 && text(path) == "again\n")
  }

  @Test func whatALinkLeadsToIsReplaced() throws {
    let folder = try TemporaryFolder()
    let (link, target) = (folder.path + "/link", folder.path + "/target")
    #expect(symlink("target", link) == 0)
    for line in ["made", "replaced"] {
      try write(line, to: link)
      #expect(text(target) == "\(line)\n")
      #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == "target")
    }
    #expect(symlink("loop", folder.path + "/loop") == 0)
    #expect(failure { try write("x", to: folder.path + "/loop") }?.kind == .inputOutput)
  }

  @Test func devicesAndFIFOsStayWhatTheyAre() throws {
    try write("gone", to: "/dev/null")
    let full = failure { try write("x", to: "/dev/full") }
    #expect(full?.kind == .inputOutput && full?.message.contains("/dev/full") == true)
    let folder = try TemporaryFolder()
    let fifo = folder.path + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    let reader = open(fifo, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try write("through", to: fifo)
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = read(reader, &bytes, bytes.count)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "through\n")
    #expect(try names(folder) == ["fifo"])
  }

  @Test func aDescriptorIsWrittenOnFromWhereItIs() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("out", "before\n".utf8)
    let file = open(path, O_WRONLY | O_APPEND)
    defer { close(file) }
    let link = folder.path + "/link"
    #expect(symlink("/dev/fd/\(file)", link) == 0)
    for name in ["/dev/fd/\(file)", "/proc/self/fd/\(file)", link] { try write("x", to: name) }
    #expect(text(path) == "before\nx\nx\nx\n")
    #expect(failure { try write("x", to: "/dev/fd/9999") }?.kind == .inputOutput)
  }

  @Test func foldersAndInputsAreRefused() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write("data", "kept".utf8)
    #expect(link(input, folder.path + "/second") == 0 && symlink("data", folder.path + "/third") == 0)
    for name in ["data", "second", "third", "./data"] {
      let failure = failure {
        _ = try OutputFile("\(folder.path)/\(name)", option: "--output", notOver: [input])
      }
      #expect(failure?.kind == .usage && failure?.message.contains(name) == true)
    }
    #expect(text(input) == "kept")
    for path in [folder.path, folder.path + "/", folder.path + "/new/.", ""] {
      #expect(failure { try write("x", to: path) }?.kind != nil, "\(path)")
    }
    #expect(failure { try write("x", to: folder.path + "/no/out") }?.kind == .inputOutput)
    #expect(try names(folder) == ["data", "second", "third"])
  }

  @Test func temporaryFoldersArePrivateAndGo() throws {
    var folder: TemporaryFolder? = try TemporaryFolder()
    let path = folder!.path
    let file = try folder!.write("secret", "x".utf8)
    #expect(mode(path) == 0o700 && mode(file) == 0o600)
    #expect(failure { _ = try folder!.write("secret", "y".utf8) } != nil)
    folder = nil
    #expect(mode(path) == nil)
  }
}
