import CUDA
import Diagnostics
import TestSupport
import Testing

/// NVIDIA's larger libraries where they are installed: what of them works on any machine.
@Suite(.tags(.long)) struct LibraryTests {
  private static func has(_ library: CUDALibrary) -> Bool { library.finding.path != nil }

  /// In how many of the ways that keep the precision cuDNN describes a layer; it throws where it takes none.
  private static func descriptions(_ shape: RecurrentShape, _ precision: DevicePrecision) throws(Failure)
    -> Int
  {
    let cudnn = try CUDNN()
    var taken = 0
    var refusal: Failure?
    for way in CUDNN.Way.all(precision) {
      do throws(Failure) {
        _ = try CUDNNDescriptors(cudnn, nil, shape, way)
        taken += 1
      } catch {
        refusal = error
      }
    }
    if taken == 0, let refusal { throw refusal }
    return taken
  }

  /// Descriptors for every cell in every way; a cell that does not exist is refused.
  @Test(.enabled("needs cuDNN: pip install nvidia-cudnn-cu13") { has(.cudnn) })
  func cudnnTakesTheDescriptions() throws {
    for cell in [RecurrentShape.RNNMode.relu, .tanh, .lstm, .gru] {
      for directions in 1...2 {
        let shape = RecurrentShape(
          cell: cell, steps: 7, batch: 5, input: 3, hidden: 64, directions: directions, hasBias: true
        )
        #expect(try Self.descriptions(shape, .tf32) == 8)
        #expect(try Self.descriptions(shape, .fp32) == 4)
      }
    }
    // Not all ways work without biases.
    let plain = RecurrentShape(
      cell: .gru, steps: 7, batch: 5, input: 3, hidden: 64, directions: 1, hasBias: false)
    #expect(try (1..<8).contains(Self.descriptions(plain, .tf32)))
    let nothing = RecurrentShape(
      cell: .lstm, steps: 7, batch: 5, input: 3, hidden: -1, directions: 1, hasBias: true)
    #expect(throws: Failure.self) { try Self.descriptions(nothing, .fp32) }
  }

  /// What rank 0 gives to the others can be made without a GPU.
  @Test(.enabled("needs NCCL: pip install nvidia-nccl-cu13") { has(.nccl) })
  func ncclInvites() throws {
    let nccl = try NCCL()
    #expect(nccl.version >= 20000)
    let (first, second) = (try nccl.invitation(), try nccl.invitation())
    #expect(first.count == 128 && first != second)
  }
}
