import CKernels
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The functions of one instruction set. See `ckernels.h` for what each one computes.
public struct KernelSet: @unchecked Sendable {
  // The table is constant and lives as long as the program.
  private let table: UnsafePointer<rk_kernels>

  /// The set by this name (`avx512`, `avx2`, `neon`, `portable`), or nil if this processor does not have it.
  public init?(named name: String) {
    guard let table = rk_find(name) else { return nil }
    self.table = table
  }
  private init(table: UnsafePointer<rk_kernels>) { self.table = table }

  /// The fastest set of this processor.
  public static let best = KernelSet(table: rk_best())
  /// What a model uses unless told otherwise: the set `RECUR_KERNELS` names where this processor has it, else the fastest.
  public static let preferred = (try? fromEnvironment()) ?? best
  public static let portable = KernelSet(named: "portable")!
  /// The same with products in bfloat16: their operands are rounded, sums and all else stay float32.
  public var bf16: KernelSet { KernelSet(table: rk_bf16(table)) }
  public var isBF16: Bool { name.hasSuffix("-bf16") }
  /// Whether this processor multiplies bfloat16 by itself; where it does not, `bf16` is about as fast as float32.
  public static let hasBF16 = rk_has_bf16() != 0
  /// All float32 sets this processor can run.
  public static var available: [KernelSet] {
    ["avx512", "avx2", "neon", "portable"].compactMap(KernelSet.init(named:))
  }

  /// What the operands of matrix products are.
  public enum Precision: String, Sendable, CaseIterable { case fp32, bf16 }

  /// `best`, or the set that the environment variable `RECUR_KERNELS` names, with products in this precision.
  public static func fromEnvironment(_ precision: Precision = .fp32) throws(Failure) -> KernelSet {
    let set = try named()
    return precision == .bf16 ? set.bf16 : set
  }

  private static func named() throws(Failure) -> KernelSet {
    guard let value = getenv("RECUR_KERNELS") else { return best }
    let name = String(cString: value)
    guard let set = KernelSet(named: name) else {
      let names = available.map(\.name).joined(separator: ", ")
      throw .usage("RECUR_KERNELS=\(name): this processor has \(names)")
    }
    return set
  }

  public var name: String { String(cString: table.pointee.name) }
  /// Floats in a vector.
  public var vectorWidth: Int { table.pointee.vector_width }
  /// The C functions.
  public var functions: rk_kernels { _read { yield table.pointee } }

  /// Where hidden units end in memory: whole vectors, or a half one at the end where that saves a sixth or more.
  public func padded(_ count: Int) -> Int { table.pointee.stored_units(1, count) }
  /// The same of a cell of so many gates that has a time loop of its own, of which some numbers of units are not padded.
  public func storedUnits(gates: Int, _ count: Int) -> Int { table.pointee.stored_units(gates, count) }
}
