/// One train step on a device as a plain list of what to do, in order. Executors run it, a printer shows it.
///
/// A step is `begin`, `compute` for each micro-batch, then, after the point where ranks add up their gradients, `update`.
public struct StepProgram: Sendable {
  /// Sets gradients and sums to zero.
  public var begin: [Operation] = []
  /// Takes a batch out of the resident data set, by its samples' numbers.
  public var load: [Operation] = []
  /// Forward, loss and backward of one micro-batch: adds to gradients and sums.
  public var compute: [Operation] = []
  /// `compute` cut where gradients become final, for ranks that add them up while others are computed; from the last ones on.
  public internal(set) var parts: [Bucket] = []
  /// Decides on the reduced values, and changes parameters and optimizer state.
  public var update: [Operation] = []
  /// The same after sums over ranks, for devices that add up among themselves.
  public var updateOfRanks: [Operation] {
    let sums = [
      Sum(
        region: Region(buffer: HostBuffer.gradients.rawValue, offset: 0),
        count: buffers[HostBuffer.gradients.rawValue].bytes / 4, kind: .float),
      // Loss, weight, right and counted of `step_outcome`.
      Sum(region: Region(buffer: HostBuffer.outcome.rawValue, offset: 0), count: 4, kind: .double),
    ]
    return [.sum(sums)] + update
  }
  /// A whole step of one rank with one micro-batch, which was copied to the device or is loaded from the resident data.
  public var step: [Operation] = []
  public var residentStep: [Operation] = []
  /// How many steps `residentStep` can take at once; controls, outcomes and samples have places for so many.
  public internal(set) var stepsAtOnce = 1
  /// Forward without dropout, for evaluation.
  public var evaluate: [Operation] = []
  /// All memory of the program; an operation names a buffer by its index.
  public internal(set) var buffers: [Buffer] = []
  /// Where the network's output `[rows, width]` lies after `compute` or `evaluate`.
  public internal(set) var output = Region(buffer: 0, offset: 0)

  init() {}

  /// A piece of device memory.
  public struct Buffer: Sendable, Equatable {
    public let name: String
    public let bytes: Int
  }

  /// Some of `compute`, and the gradients that are final after it: those that follow are of the parts before.
  public struct Bucket: Sendable, Equatable {
    public let operations: [Operation]
    public let gradients: Range<Int>
  }

  /// A place in a buffer.
  public struct Region: Sendable, Hashable {
    public let buffer: Int
    /// In bytes.
    public let offset: Int

    /// The place `count` floats further.
    func advanced(_ count: Int) -> Region { Region(buffer: buffer, offset: offset + 4 * count) }
  }

  /// What a kernel is called with.
  public enum Argument: Sendable, Equatable {
    /// An address; nil is the null pointer.
    case region(Region?)
    case int(Int32)
    case long(Int64)
    case unsigned(UInt32)
    case unsignedLong(UInt64)
    case float(Float)
    /// A struct, in words of eight bytes.
    case structure([UInt64])
  }

  /// A kernel over a grid of blocks.
  public struct KernelLaunch: Sendable, Equatable {
    public let call: Call
    public let grid: (x: Int, y: Int)
    /// Threads of a block.
    public let threads: Int
    /// Bytes of shared memory for each block.
    public let shared: Int
    /// Blocks that run at the same time and may wait for one another.
    public var together = Together.nobody
    /// What the kernel is compiled for; nil for kernels that take any size.
    public var shape: ClusterShape?

    public var kernel: String { call.kernel }
    public var arguments: [Argument] { call.arguments }

    public enum Together: Sendable, Equatable {
      case nobody
      /// Clusters of so many neighbours along x, which share their memory (compute capability 9.0).
      case cluster(Int)
      /// All of the grid, which must fit on the device at once.
      case grid
    }

    public static func == (a: KernelLaunch, b: KernelLaunch) -> Bool {
      a.call == b.call && a.grid == b.grid && a.threads == b.threads && a.shared == b.shared
        && a.together == b.together && a.shape == b.shape
    }
  }

  /// A matrix in row-major order, or the transpose of one.
  public struct Matrix: Sendable, Hashable {
    public let region: Region
    /// Elements from one stored row to the next.
    public let stride: Int
    public let transposed: Bool
  }

  /// C `[rows, columns]` = A `[rows, depth]` · B `[depth, columns]`, added to what is there where `accumulates`.
  public struct Product: Sendable, Hashable {
    public let a: Matrix
    public let b: Matrix
    public let c: Matrix
    public let rows: Int
    public let columns: Int
    public let depth: Int
    public let accumulates: Bool
  }

  /// Numbers side by side.
  public struct Sum: Sendable, Hashable {
    public enum NumberType: Sendable { case float, double }
    public let region: Region
    public let count: Int
    public let kind: NumberType
  }

  public indirect enum Operation: Sendable, Equatable {
    case launch(KernelLaunch)
    case product(Product)
    case recurrence(Recurrence)
    /// Numbers that are added up over ranks, in place, by devices that have joined.
    case sum([Sum])
    /// Sets bytes to zero.
    case zero(Region, bytes: Int)
    /// Lists that need nothing from one another; what follows waits for all of them.
    case parallel([[Operation]])
  }
}

extension StepProgram.Product {
  /// The same as a launch of the own product kernel.
  public func launch(_ precision: DevicePrecision) -> StepProgram.KernelLaunch {
    func strides(_ matrix: StepProgram.Matrix) -> (row: Int, column: Int) {
      matrix.transposed ? (1, matrix.stride) : (matrix.stride, 1)
    }
    let (ofA, ofB) = (strides(a), strides(b))
    let tile = 64
    return StepProgram.KernelLaunch(
      call: .product(
        a: a.region, aRow: ofA.row, aColumn: ofA.column, b: b.region, bRow: ofB.row, bColumn: ofB.column,
        c: c.region, cRow: c.stride, m: rows, n: columns, depth: depth, accumulate: accumulates.flag,
        precision: Int(precision.rawValue)),
      grid: ((rows + tile - 1) / tile, (columns + tile - 1) / tile), threads: 256,
      shared: 2 * 16 * (tile + 4) * 4)
  }
}

extension Bool {
  /// As kernels are told it.
  var flag: Int { self ? 1 : 0 }
}
