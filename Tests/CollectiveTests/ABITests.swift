import Foundation
import TestSupport
import Testing

/// `CMPI/openmpi.h` declares Open MPI's binary interface by hand: here it meets the installed one.
@Suite struct ABITests {
  @Test(.enabled(if: find("mpicc") != nil, "mpicc is not installed"))
  func declarationsAreThoseOfTheInstalledHeader() throws {
    try inFolder { folder in
      let compiled = try compile(
        find("mpicc")!, folder, "abi",
        #"""
        #include <mpi.h>
        #include <stdio.h>
        #include "\#(package.path)/Sources/CMPI/openmpi.h"
        #define X(name, value) _Static_assert((name) == (value), #name);
        CMPI_CONSTANTS(X)
        #undef X
        #define X(name, arguments) \
          _Static_assert(__builtin_types_compatible_p(__typeof__(name), int arguments), #name);
        CMPI_FUNCTIONS(X)
        #undef X
        int main(void) {
          int wrong = 0, right = 0;
          #define X(type, name, symbol) \
            if ((void *)(name) == (void *)&symbol) right++; else { wrong++; puts(#name); }
          CMPI_HANDLES(X)
          if (MPI_STATUS_IGNORE != (void *)0) wrong++;
          if (sizeof(MPI_Request) != sizeof(void *)) wrong++;
          printf("%d right %d wrong\n", right, wrong);
          return wrong;
        }
        """#, [])
      #expect(compiled.status == 0, "\(compiled.errors)")
      #expect(try run("\(folder)/abi", []).output == "5 right 0 wrong\n")
    }
  }

  @Test(.enabled(if: find("cc") ?? find("clang") != nil, "no C compiler is installed"))
  func anotherMPIIsNamedAndRefused() throws {
    try inFolder { folder in
      let compiled = try compile(
        find("cc") ?? find("clang")!, folder, "libmpi.so.40",
        #"""
        #include <string.h>
        int MPI_Get_library_version(char *text, int *length) {
          strcpy(text, "MPICH Version:\t4.0.2\nMPICH Release date: today");
          *length = (int)strlen(text);
          return 0;
        }
        """#, ["-shared", "-fPIC"])
      #expect(compiled.status == 0, "\(compiled.errors)")
      var environment = ["LD_LIBRARY_PATH": folder, "OMPI_COMM_WORLD_SIZE": "2"]
      let refused = try run(built("collective-check"), ["verify"], environment: environment)
      #expect(refused.status == 69)
      #expect(refused.errors.contains("the MPI library found is MPICH Version: 4.0.2"), "\(refused.errors)")
      environment["OMPI_COMM_WORLD_SIZE"] = nil
      #expect(try run(built("collective-check"), ["verify"], environment: environment).status == 0)
    }
  }

  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func compile(
    _ compiler: String, _ folder: String, _ result: String, _ source: String, _ flags: [String]
  ) throws -> Outcome {
    try source.write(toFile: "\(folder)/\(result).c", atomically: true, encoding: .utf8)
    return try run(compiler, flags + ["-o", "\(folder)/\(result)", "\(folder)/\(result).c"])
  }
}
