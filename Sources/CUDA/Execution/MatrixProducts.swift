import CCUDA
import Diagnostics

/// Matrix products by cuBLASLt. How each product is computed is decided once, for its sizes and alignment.
final class MatrixProducts {
  private let functions: ccuda_cublaslt
  private let driver: Driver
  private let precision: DevicePrecision
  private let handle: UnsafeMutableRawPointer
  /// One for each lane: products that run side by side must not share it.
  private var workspaces: [ccuda_address] = []
  private let workspaceBytes = 32 << 20
  private var plans: [StepProgram.Product: Descriptors] = [:]

  /// Descriptors in the library's column-major terms: C ᵀ = Bᵀ·Aᵀ, so B is its first factor.
  private struct Descriptors {
    let descriptor: UnsafeMutableRawPointer
    let first, second, result: UnsafeMutableRawPointer
    var choice: ccuda_product_choice
  }

  // The library's numbers (cublasLt.h).
  private enum Code {
    static let float32: Int32 = 0
    static let transposeFirst: Int32 = 3
    static let transposeSecond: Int32 = 4
    static let maxWorkspace: Int32 = 1
    static let reductionSchemes: Int32 = 3
    static let alignments: [Int32] = [5, 6, 7, 8]
    /// All but in-place sums, whose order is not fixed.
    static let orderedSums: UInt32 = 2 | 4
  }

  /// nil where there is no cuBLASLt: the own kernel multiplies then.
  init?(_ driver: Driver, precision: DevicePrecision) throws(Failure) {
    guard let library = try? DynamicLibrary(.products) else { return nil }
    functions = try library.functions(ccuda_load_cublaslt)
    self.driver = driver
    self.precision = precision
    var handle: UnsafeMutableRawPointer?
    let status = functions.cublasLtCreate(&handle)
    guard status == 0, let handle else {
      throw Failure(.unavailable, "\(library.path): can't be started, status \(status)")
    }
    self.handle = handle
    for _ in 0..<StreamPool.count {
      var workspace: ccuda_address = 0
      try driver.check(
        driver.functions.cuMemAlloc_v2(&workspace, workspaceBytes), "taking memory for products")
      workspaces.append(workspace)
    }
  }

  deinit {
    for plan in plans.values {
      _ = functions.cublasLtMatmulDescDestroy(plan.descriptor)
      for layout in [plan.first, plan.second, plan.result] {
        _ = functions.cublasLtMatrixLayoutDestroy(layout)
      }
    }
    _ = functions.cublasLtDestroy(handle)
    for workspace in workspaces { _ = driver.functions.cuMemFree_v2(workspace) }
  }

  /// - lane: where it runs, on this stream.
  func multiply(
    _ p: StepProgram.Product, _ address: (StepProgram.Region) -> ccuda_address, _ lane: Int,
    _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    if plans[p] == nil { plans[p] = try plan(p, address) }
    guard var plan = plans[p] else { return }
    func pointer(_ matrix: StepProgram.Matrix) -> UnsafeMutableRawPointer {
      UnsafeMutableRawPointer(bitPattern: UInt(address(matrix.region)))!
    }
    var alpha: Float = 1
    var beta: Float = p.accumulates ? 1 : 0
    let c = pointer(p.c)
    let status = functions.cublasLtMatmul(
      handle, plan.descriptor, &alpha, pointer(p.b), plan.first, pointer(p.a), plan.second, &beta, c,
      plan.result, c, plan.result, &plan.choice.algorithm,
      UnsafeMutableRawPointer(bitPattern: UInt(workspaces[lane])), plan.choice.workspace, stream)
    try check(status, p, "multiplying")
  }

  private func plan(_ p: StepProgram.Product, _ address: (StepProgram.Region) -> ccuda_address)
    throws(Failure)
    -> Descriptors
  {
    let compute: Int32 =
      switch precision {
      case .fp32: 68
      case .tf32: 77
      case .bf16: 75
      }
    var descriptor: UnsafeMutableRawPointer?
    try check(functions.cublasLtMatmulDescCreate(&descriptor, compute, Code.float32), p, "describing")
    for (code, matrix) in [(Code.transposeFirst, p.b), (Code.transposeSecond, p.a)] {
      var transposed: Int32 = matrix.transposed ? 1 : 0
      try check(functions.cublasLtMatmulDescSetAttribute(descriptor, code, &transposed, 4), p, "describing")
    }
    func layout(_ matrix: StepProgram.Matrix, _ rows: Int, _ columns: Int) throws(Failure)
      -> UnsafeMutableRawPointer
    {
      let (width, height) = matrix.transposed ? (rows, columns) : (columns, rows)
      var layout: UnsafeMutableRawPointer?
      try check(
        functions.cublasLtMatrixLayoutCreate(
          &layout, Code.float32, UInt64(width), UInt64(height), Int64(matrix.stride)), p, "describing")
      return layout!
    }
    let first = try layout(p.b, p.depth, p.columns)
    let second = try layout(p.a, p.rows, p.depth)
    let result = try layout(p.c, p.rows, p.columns)
    let choice = try choose(p, address, descriptor!, first, second, result)
    return Descriptors(descriptor: descriptor!, first: first, second: second, result: result, choice: choice)
  }

  private func choose(
    _ p: StepProgram.Product, _ address: (StepProgram.Region) -> ccuda_address,
    _ descriptor: UnsafeMutableRawPointer,
    _ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer, _ result: UnsafeMutableRawPointer
  ) throws(Failure) -> ccuda_product_choice {
    var preference: UnsafeMutableRawPointer?
    try check(functions.cublasLtMatmulPreferenceCreate(&preference), p, "choosing")
    defer { _ = functions.cublasLtMatmulPreferenceDestroy(preference) }
    func prefer<Value: BitwiseCopyable>(_ code: Int32, _ value: Value) throws(Failure) {
      var value = value
      try check(
        functions.cublasLtMatmulPreferenceSetAttribute(preference, code, &value, MemoryLayout<Value>.size), p,
        "choosing")
    }
    try prefer(Code.maxWorkspace, UInt64(workspaceBytes))
    try prefer(Code.reductionSchemes, Code.orderedSums)
    for (code, matrix) in zip(Code.alignments, [p.b, p.a, p.c, p.c]) {
      let place = address(matrix.region)
      try prefer(code, UInt32(min(place & (~place &+ 1), 256)))
    }
    var choice = ccuda_product_choice()
    var found: Int32 = 0
    try check(
      functions.cublasLtMatmulAlgoGetHeuristic(
        handle, descriptor, first, second, result, result, preference, 1, &choice, &found), p, "choosing")
    guard found > 0 else { throw problem(p, "cuBLASLt has no way to multiply") }
    return choice
  }

  private func check(_ status: Int32, _ p: StepProgram.Product, _ doing: String) throws(Failure) {
    if status != 0 { throw problem(p, "cuBLASLt, status \(status), \(doing)") }
  }

  private func problem(_ p: StepProgram.Product, _ text: String) -> Failure {
    Failure(
      .unavailable,
      "\(text) [\(p.rows), \(p.depth)] by [\(p.depth), \(p.columns)]; RECUR_CUDA_PRODUCTS=own multiplies without it"
    )
  }
}
