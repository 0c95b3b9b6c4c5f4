import CKernels
import Diagnostics
import Kernels
import TestSupport
import Testing

/// Both ways to compute: products of own kernels and of a BLAS equal double precision and each other, of any shape.
@Suite(.tags(.fast), .enabled(if: cCompiler != nil, "no C compiler is installed"))
struct ProductBackendTests {
  /// OpenBLAS where it is installed, and a right library of any other maker.
  static let libraries: [BLASLibrary] = {
    guard cCompiler != nil else { return [] }
    let installed = BLASLibrary.open(["libopenblas.so.0"]).library
    let tiny = try? TinyBLAS.fortran.withLibrary { BLASLibrary.open([$0]).library }
    return [installed, tiny ?? nil].compactMap { $0 }
  }()

  @Test func `there is a library to try`() { #expect(!Self.libraries.isEmpty) }

  /// A weight with its operands, some of them padded or in another order.
  private struct Case {
    let (outputs, inputs, rows): (Int, Int, Int)
    let rowTable, columnTable: [Int32]?
    let parameterWidth: Int
    let parameter, x, dy, bias: [Float]
    let xStride, yStride: Int

    init(_ random: inout SplitMix, isMapped: Bool) {
      func size(_ most: Int) -> Int { 1 + Int(random.next() % UInt64(most)) }
      (outputs, inputs, rows) = (size(50), size(40), size(80))
      let (real, realInputs) = (outputs, inputs)
      // Backwards, with a row and a column of zeros.
      rowTable = isMapped ? (0..<outputs).map { $0 == real / 2 ? -1 : Int32(real - 1 - $0) } : nil
      columnTable =
        isMapped ? (0..<inputs).map { $0 == realInputs / 3 ? -1 : Int32(realInputs - 1 - $0) } : nil
      parameterWidth = inputs + (isMapped ? 2 : 0)
      (xStride, yStride) = (inputs + size(5), outputs + size(5))
      func numbers(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float(random.next() % 2003) / 1001 - 1 }
      }
      parameter = numbers(outputs * parameterWidth)
      (x, dy, bias) = (numbers(rows * xStride), numbers(rows * yStride), numbers(outputs))
    }

    func w(_ row: Int, _ column: Int) -> Double {
      let (row, column) = (
        rowTable.map { Int($0[row]) } ?? row, columnTable.map { Int($0[column]) } ?? column
      )
      return row < 0 || column < 0 ? 0 : Double(parameter[row * parameterWidth + column])
    }
  }

  private struct Results: Equatable {
    var y, dx, dW: [Float]
  }

  /// All three products; dx and dW are added to what is there.
  private func results(_ c: Case, _ kernels: KernelSet, _ threads: Int, _ library: BLASLibrary?) throws
    -> Results
  {
    let products = Products(kernels, try Team(threads: threads))
    var results = Results(
      y: [Float](repeating: .nan, count: c.rows * c.yStride),
      dx: [Float](repeating: 0.5, count: c.rows * c.xStride),
      dW: [Float](repeating: 0.25, count: c.outputs * c.inputs))
    func run(_ rowTable: UnsafePointer<Int32>?, _ columnTable: UnsafePointer<Int32>?) {
      let weight = products.weight(
        outputs: c.outputs, inputs: c.inputs, rowTable: rowTable, columnTable: columnTable,
        [.forward, .back, .gradient], cutsInputs: c.rows % 2 == 0)
      products.isTraining = true
      if let library {
        products.use(
          ProductChoices(library: library.description, threads: threads, products: products.all), of: library)
      }
      c.parameter.withUnsafeBufferPointer { parameter in
        weight.pack(parameter.baseAddress!, stride: c.parameterWidth, forBackward: true)
        weight.forward(
          c.x, stride: c.xStride, rows: c.rows, bias: c.bias, to: &results.y, stride: c.yStride, .projection)
        weight.back(
          c.dy, stride: c.yStride, rows: c.rows, to: &results.dx, stride: c.xStride, adding: true,
          .inputGradients)
        weight.gradient(
          c.dy, stride: c.yStride, c.x, stride: c.xStride, rows: c.rows,
          rk_groups(size: c.rows, stride: c.rows), to: &results.dW, stride: c.inputs, adding: true,
          .weightGradients)
      }
    }
    if let rows = c.rowTable, let columns = c.columnTable {
      rows.withUnsafeBufferPointer { rows in
        columns.withUnsafeBufferPointer { run(rows.baseAddress, $0.baseAddress) }
      }
    } else {
      run(nil, nil)
    }
    return results
  }

  private func check(_ r: Results, _ c: Case, _ what: String) {
    func right(_ value: Float, _ start: Double, _ terms: [Double]) -> Bool {
      let size = terms.reduce(abs(start)) { $0 + abs($1) }
      return abs(Double(value) - terms.reduce(start, +)) <= size * 1.2e-7 * Double(terms.count + 2)
    }
    var isRight = true
    for row in 0..<c.rows {
      let x = { Double(c.x[row * c.xStride + $0]) }
      let dy = { Double(c.dy[row * c.yStride + $0]) }
      for o in 0..<c.outputs {
        isRight =
          isRight
          && right(r.y[row * c.yStride + o], Double(c.bias[o]), (0..<c.inputs).map { x($0) * c.w(o, $0) })
      }
      for i in 0..<c.inputs {
        isRight =
          isRight && right(r.dx[row * c.xStride + i], 0.5, (0..<c.outputs).map { dy($0) * c.w($0, i) })
      }
      // What lies between rows.
      isRight = isRight && r.y[row * c.yStride + c.outputs].isNaN && r.dx[row * c.xStride + c.inputs] == 0.5
    }
    for o in 0..<c.outputs {
      for i in 0..<c.inputs {
        let terms = (0..<c.rows).map { Double(c.dy[$0 * c.yStride + o]) * Double(c.x[$0 * c.xStride + i]) }
        isRight = isRight && right(r.dW[o * c.inputs + i], 0.25, terms)
      }
    }
    #expect(isRight, "\(what): \(c.rows) rows of \(c.outputs) × \(c.inputs)")
  }

  @Test(arguments: 0..<12) func `equal double precision`(_ seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    let c = Case(&random, isMapped: seed % 3 == 0)
    for kernels in KernelSet.available {
      for threads in [1, 3] {
        check(try results(c, kernels, threads, nil), c, "own \(kernels.name)")
        for library in Self.libraries where threads == 1 || library.description.hasPrefix("OpenBLAS") {
          check(try results(c, kernels, threads, library), c, "\(library.description), \(threads) threads")
        }
      }
    }
  }

  /// Evaluation asks own kernels, whatever was chosen, and weights that are not packed yet are packed then.
  @Test func `evaluation takes own kernels`() throws {
    var random = SplitMix(state: 5)
    let c = Case(&random, isMapped: false)
    let products = Products(.best, try Team(threads: 1))
    let weight = products.weight(outputs: c.outputs, inputs: c.inputs, [.forward])
    func forward() -> [Float] {
      var y = [Float](repeating: 0, count: c.rows * c.yStride)
      weight.forward(
        c.x, stride: c.xStride, rows: c.rows, bias: c.bias, to: &y, stride: c.yStride, .projection)
      return y
    }
    c.parameter.withUnsafeBufferPointer { parameter in
      weight.pack(parameter.baseAddress!, stride: c.inputs, forBackward: false)
      let own = forward()
      let library = Self.libraries.last!
      products.use(
        ProductChoices(library: library.description, threads: 1, products: products.all), of: library)
      products.isTraining = true
      weight.pack(parameter.baseAddress!, stride: c.inputs, forBackward: true)
      #expect(weight.side(.forward, rows: 1) == .blas)
      _ = forward()
      products.isTraining = false
      #expect(weight.side(.forward, rows: c.rows) == .own)
      #expect(forward() == own)
    }
  }

  /// Rows in groups, which only lanes of a strict run have, are for own kernels; so is what comes a step at a time.
  @Test func `some are for own kernels alone`() throws {
    let products = Products(.best, try Team(threads: 1))
    let weight = products.weight(
      outputs: 256, inputs: 256, [.forward, .back, .gradient], stepwise: [.forward])
    #expect(products.all.map(\.kind) == [.back, .gradient])
    _ = weight
    _ = products.weight(outputs: 4096, inputs: 16, [.forward])
    _ = products.weight(outputs: 512, inputs: 256, [.gradient], seesSteps: false)
    let large = products.large(rows: 640, sequences: 20)
    #expect(large.map(\.description) == ["back 256 × 256, 512 rows", "gradient 256 × 256, 512 rows"])
    #expect(products.large(rows: 100, sequences: 100).isEmpty)
  }
}
