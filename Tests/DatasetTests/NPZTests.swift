import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// Archives of arrays, as NumPy 2.4 wrote them: x is `arange(12)` as `[2, 3, 2]` of float32, y is `[1, 0]`.
@Suite(.tags(.fast)) struct NPZTests {
  private static let stored =
    "UEsDBC0AAAAAAAAAIQBcLdtX//////////8FABQAeC5ucHkBABAAsAAAAAAAAACwAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2Ny"
    + "JzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzLCAyKSwgfSAgICAgICAgICAgICAgICAg"
    + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAAADAQAAA4EAA"
    + "AABBAAAQQQAAIEEAADBBUEsDBC0AAAAAAAAAIQBx+zmr//////////8FABQAeS5ucHkBABAAkAAAAAAAAACQAAAAAAAAAJNO"
    + "VU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAg"
    + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAQAAAAAAAAAAAAAAAAAAAFBL"
    + "AQItAy0AAAAAAAAAIQBcLdtXsAAAALAAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAAAAAAIQBx+zmrkAAA"
    + "AJAAAAAFAAAAAAAAAAAAAACAAecAAAB5Lm5weVBLBQYAAAAAAgACAGYAAACuAQAAAAA="
  private static let deflated =
    "UEsDBC0AAAAIAAAAIQBcLdtX//////////8FABQAeC5ucHkBABAAsAAAAAAAAABpAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxc"
    + "pG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsY6CkaaOgq1CuQBLgYwaLAHEg5ABMQNQLwAiA8A"
    + "8QMgZnBkYBAAYgUgNnAEAFBLAwQtAAAACAAAACEAcfs5q///////////BQAUAHkubnB5AQAQAJAAAAAAAAAASAAAAAAAAACb"
    + "7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuRgZUAABQ"
    + "SwECLQMtAAAACAAAACEAXC3bV2kAAACwAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAACAAAACEAcfs5q0gA"
    + "AACQAAAABQAAAAAAAAAAAAAAgAGgAAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAAHwEAAAAA"

  private func load(_ archive: String, _ change: (inout DataSpecification) -> Void = { _ in }) throws
    -> LoadedData
  {
    let folder = try TemporaryFolder()
    let path = try folder.write("d.npz", Array(try #require(Data(base64Encoded: archive))))
    var specification = DataSpecification(format: .npy, path: path + ":x")
    specification.labelsPath = path + ":y"
    change(&specification)
    do { return try LoadedData(specification) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  @Test(arguments: [stored, deflated]) func arraysAreThoseOfNumPy(_ archive: String) throws {
    let data = try load(archive)
    #expect(data.shape.steps == 3 && data.shape.features == 2 && data.classNames == ["0", "1"])
    #expect(data.train?.arrays().inputs == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11])
    #expect(data.train?.arrays().classes == [1, 0])
  }

  @Test func whatIsWrongIsNamed() throws {
    #expect(
      message { _ = try load(Self.stored) { $0.path.removeLast(2) } }
        == "d.npz: holds 2 arrays, 'x', 'y'; ask for one as FILE.npz:ARRAY (data.path)")
    #expect(
      message { _ = try load(Self.stored) { $0.path += "z" } }
        == "d.npz: has no array 'xz' (data.path); it has 'x', 'y'")
    #expect(
      message { _ = try load(Self.deflated) { $0.labelsPath = $0.path } }
        == "d.npz:x: has the shape [2, 3, 2]; needed is one row for each of the 2 samples")
    let bytes = Array(try #require(Data(base64Encoded: Self.deflated)))
    // Cut short, or a bit changed, anywhere: an error line, or the very same arrays where no reader looks.
    let whole = try load(Self.deflated).train?.arrays()
    for place in bytes.indices {
      var flipped = bytes
      flipped[place] ^= 1 << UInt8(place % 8)
      for damaged in [Array(bytes[..<place]), flipped] {
        do {
          #expect(try load(Data(damaged).base64EncodedString()).train?.arrays() == whole)
        } catch let failure as Failure {
          #expect(failure.kind == .badData && failure.message.hasPrefix("d.npz"), "\(failure.message)")
        }
      }
    }
  }
}
