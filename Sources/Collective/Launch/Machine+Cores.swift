import CProcess

extension Machine {
  /// Has this thread, and those it starts from now on, run on the first so many processors that it may run on: for timing programs on
  /// the same ones, in turns.
  package static func keepProcessors(_ count: Int) {
    let kept = allowedProcessors().prefix(count).map { Int32($0) }
    cprocess_keep_processors(kept, Int32(kept.count))
  }
}
