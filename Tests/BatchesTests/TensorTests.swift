import Batches
import TestSupport
import Testing

@Suite("A tensor", .tags(.fast)) struct TensorTests {
  @Test func `is a value with a shape`() throws {
    var a = try Tensor([[1, 2, 3], [4, 5, 6]])
    let b = a
    a[1, 2] = 7
    #expect(a[1, 2] == 7 && b[1, 2] == 6 && b[0, 1] == 2 && a.shape == [2, 3])
    #expect(try b.reshaped([3, 2])[2, 0] == 5)
    #expect(try Tensor([5], shape: []).count == 1)
  }

  /// The texts are PyTorch's.
  @Test func `prints as PyTorch does`() throws {
    let cases: [([Float], [Int], String)] = [
      ([0.5], [], "tensor(0.5000)"),
      ([1, 2, 3], [3], "tensor([1., 2., 3.])"),
      (
        [0.1234567, -2, 3, .nan], [2, 2],
        """
        tensor([[ 0.1235, -2.0000],
                [ 3.0000,     nan]])
        """
      ),
      ([1e-6, 1], [2], "tensor([1.0000e-06, 1.0000e+00])"),
      ([.infinity, 1, -20], [3], "tensor([ inf,   1., -20.])"),
      ([], [0], "tensor([])"),
      ([], [0, 3], "tensor([], size=(0, 3))"),
      (
        (0..<8).map { Float($0) }, [2, 2, 2],
        """
        tensor([[[0., 1.],
                 [2., 3.]],

                [[4., 5.],
                 [6., 7.]]])
        """
      ),
      (
        (0..<12).map { Float($0) / 7 }, [12],
        """
        tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,
                1.2857, 1.4286, 1.5714])
        """
      ),
      ((0..<1001).map { Float($0) }, [1001], "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
    ]
    for (values, shape, text) in cases {
      #expect(try "\(Tensor(values, shape: shape))" == text)
    }
  }
}
