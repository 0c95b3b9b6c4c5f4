import Testing

/// How much a suite asks of a machine. `swift test --filter tag:fast` where the toolchain filters by tags (Swift 6.4).
extension Tag {
  /// One process, ranks are threads; seconds.
  @Tag public static var fast: Self
  /// Starts programs, ranks of MPI among them.
  @Tag public static var mpi: Self
  /// Minutes, or as long as a variable asks for (`RECUR_KILLS` …).
  @Tag public static var long: Self
}
