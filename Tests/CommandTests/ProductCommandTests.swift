import Foundation
import TestSupport
import Testing

/// What a person reads and types about a BLAS.
@Suite(.tags(.mpi)) struct ProductCommandTests {
  private func train(_ environment: [String: String]) throws -> Command.Outcome {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    return try Command.Running(
      ["train", "wave.yaml", "--out", "run", "--json"], in: folder.url, environment: environment
    ).outcome()
  }

  @Test func aWrongWordIsRefused() throws {
    let mode = try train(["RECUR_PRODUCTS": "fast"])
    #expect(mode.status == 64)
    #expect(mode.err.contains("RECUR_PRODUCTS=fast is not understood; give own, blas or auto"), "\(mode.err)")
    let name = try train(["RECUR_PRODUCTS": "blas", "RECUR_BLAS": "acml"])
    #expect(name.status == 64)
    #expect(name.err.contains("RECUR_BLAS=acml is not understood; give openblas, mkl, blis"), "\(name.err)")
  }

  @Test func aLibraryThatIsAskedForAndMissing() throws {
    let missing = ["RECUR_BLAS": "/nowhere/libblas.so"]
    let asked = try train(missing.merging(["RECUR_PRODUCTS": "blas"]) { $1 })
    #expect(asked.status == 69)
    #expect(
      asked.err.contains("RECUR_PRODUCTS=blas: no BLAS is there: /nowhere/libblas.so: cannot open"),
      "\(asked.err)")
    // A small network looks for none.
    let small = try train(missing)
    #expect(small.status == 0 && !small.err.contains("BLAS"), "\(small.err)")
    let line = try doctor(missing)
    #expect(line.hasPrefix("ok    BLAS") && line.hasSuffix("; own kernels compute"), "\(line)")
  }

  private func doctor(_ environment: [String: String]) throws -> String {
    let outcome = try Command.run("doctor", environment: environment)
    return try String(
      #require(outcome.out.split(separator: "\n").first { $0.contains("  BLAS  ") }, "\(outcome.out)"))
  }

  @Test(.enabled(if: cCompiler != nil, "no C compiler is installed"))
  func aBadLibraryIsNamed() throws {
    let right = try TinyBLAS.fortran.withLibrary { try doctor(["RECUR_BLAS": $0, "RECUR_PRODUCTS": "own"]) }
    #expect(right.hasPrefix("ok    BLAS") && right.contains("libtiny-fortran.so of "), "\(right)")
    #expect(right.hasSuffix(": passed its check; RECUR_PRODUCTS=own"), "\(right)")
    let bad = try TinyBLAS.losesNaN.withLibrary { try doctor(["RECUR_BLAS": $0]) }
    #expect(
      bad.hasPrefix("warn  BLAS") && bad.contains("libtiny-losesNaN.so of ")
        && bad.contains(" is not used: a NaN or an infinity is lost or spreads")
        && bad.hasSuffix("; own kernels compute"),
      "\(bad)")
  }

  /// Which products went which way, measured once and remembered.
  @Test(.enabled(if: cCompiler != nil, "no C compiler is installed"))
  func benchSaysWhoComputed() throws {
    let folder = try Folder()
    func bench(_ environment: [String: String]) throws -> [String: Any] {
      let outcome = try Command.run(
        "bench", "lstm-160-10-32", "--seconds", "0.01", "--profile", "--json",
        environment: environment.merging(["RECUR_CACHE": folder.path("cache")]) { $1 })
      #expect(outcome.status == 0, "\(outcome.err)")
      let one = try #require((try outcome.json()["cases"] as? [[String: Any]])?.first)
      return try #require(one["products"] as? [String: Any])
    }
    try TinyBLAS.fortran.withLibrary { library in
      let own = try bench(["RECUR_BLAS": library])
      let tried = try #require(own["tried"] as? [[String: Any]])
      #expect(tried.map { $0["kind"] as? String } == ["forward", "gradient", "back"])
      #expect(tried.allSatisfy { $0["outputs"] as? Int == 640 && $0["own_milliseconds"] as? Double ?? 0 > 0 })
      // Which is faster depends on how this was built.
      let taken = tried.count { $0["is_blas"] as? Bool == true }
      #expect(own["blas_products"] as? Int == taken)
      #expect((own["library"] as? String != nil) == (taken > 0))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("cache")).count == 3)
      let blas = try bench(["RECUR_BLAS": library, "RECUR_PRODUCTS": "blas"])
      #expect((blas["library"] as? String)?.contains("libtiny-fortran.so of ") == true)
      #expect(try #require(blas["blas_products"] as? Int) > 3)
    }
  }
}
