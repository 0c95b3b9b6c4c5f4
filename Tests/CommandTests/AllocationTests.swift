import Foundation
import TestSupport
import Testing

/// A step allocates nothing and takes no lock: `recur` runs with `malloc` and `pthread_mutex_lock` counted from one epoch's line in
/// the log to the next, once with batches of which an epoch has twice as many.
@Suite(.tags(.mpi), .serialized, .enabled(if: canCount, "needs Linux and a C compiler"))
struct AllocationTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    let compiled = try run(
      compiler!,
      ["-shared", "-fPIC", "-O1", "-o", folder.path("count.so"), folder.write("count.c", Self.counter)]
    )
    try #require(compiled.status == 0, "\(compiled.errors)")
    // Column g numbers sequences of one to seven rows.
    let rows = (0..<1600).map { i in "\(sin(Double(i) / 5)),\(cos(Double(i) / 7)),\((i + i / 9 % 4) / 4)" }
    try folder.write("wave.csv", (["a,y,g"] + rows).joined(separator: "\n") + "\n")
  }

  /// Counts of the main thread at each line of metrics.jsonl, written to $RECUR_COUNTS at a good end.
  private static let counter = #"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <pthread.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
    void *__libc_memalign(size_t, size_t);
    static unsigned long allocations, locks, seen[1024][2];
    static int lines;
    static int is_main(void) {
      static __thread int known;  // 1 yes, 2 no
      if (known == 0) known = gettid() == getpid() ? 1 : 2;
      return known == 1;
    }
    static void count(unsigned long *counter) { *counter += is_main(); }
    void *malloc(size_t n) { count(&allocations); return __libc_malloc(n); }
    void *calloc(size_t n, size_t m) { count(&allocations); return __libc_calloc(n, m); }
    void *realloc(void *p, size_t n) { count(&allocations); return __libc_realloc(p, n); }
    void *memalign(size_t a, size_t n) { count(&allocations); return __libc_memalign(a, n); }
    void *aligned_alloc(size_t a, size_t n) { count(&allocations); return __libc_memalign(a, n); }
    int posix_memalign(void **p, size_t a, size_t n) {
      count(&allocations);
      *p = __libc_memalign(a, n);
      return *p == NULL ? 12 : 0;
    }
    int pthread_mutex_lock(pthread_mutex_t *mutex) {
      static int (*next)(pthread_mutex_t *);
      if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "pthread_mutex_lock");
      count(&locks);
      return next(mutex);
    }
    ssize_t write(int file, const void *bytes, size_t n) {
      char link[64], path[4096];
      snprintf(link, sizeof link, "/proc/self/fd/%d", file);
      ssize_t length = is_main() ? readlink(link, path, sizeof path - 1) : 0;
      if (length > 0) {
        path[length] = 0;
        if (strstr(path, "/metrics.jsonl") != NULL && lines < 1024) {
          seen[lines][0] = allocations;
          seen[lines++][1] = locks;
        }
      }
      return syscall(SYS_write, file, bytes, n);
    }
    __attribute__((destructor)) static void tell(void) {
      const char *path = getenv("RECUR_COUNTS");
      FILE *file = path != NULL && lines > 0 ? fopen(path, "w") : NULL;
      if (file == NULL) return;
      for (int i = 0; i < lines; i++) fprintf(file, "%lu %lu\n", seen[i][0], seen[i][1]);
      fclose(file);
    }
    """#

  /// Between two lines of the log: medians.
  private struct Epoch {
    var steps: Int
    var allocations: Int
    var locks: Int
  }

  private func train(_ recipe: String, ranks: Int, batch: Int) throws -> Epoch {
    try folder.write("recipe.yaml", recipe)
    let (library, counts) = (folder.path("count.so"), folder.path("counts-\(batch)"))
    let words = [
      "train", folder.path("recipe.yaml"), "--out", folder.path("run"), "--overwrite", "--json", "--threads",
      "1",
      "--set", "train.batch_size=\(batch)",
    ]
    let variables = ["env", "LD_PRELOAD=\(library)", "RECUR_COUNTS=\(counts)", Command.executable.path]
    let start = (getuid() == 0 ? ["--allow-run-as-root"] : []) + ["--oversubscribe", "-n", "\(ranks)"]
    let outcome =
      try ranks == 1
      ? run("/usr/bin/env", variables.dropFirst() + words) : run(mpirun!, start + variables + words)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try Command.Outcome(status: 0, out: outcome.output, err: outcome.errors).json()
    let (steps, epochs) = try (#require(report["steps"] as? Int), #require(report["epochs"] as? Int))
    let lines = try String(contentsOfFile: counts, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: " ").map { Int($0)! }
    }
    // Of several ranks the first line tells how they add up; the last is that of the end.
    let ends = lines.dropFirst(ranks > 1 ? 1 : 0).dropLast()
    #expect(ends.count == epochs)
    func median(_ column: Int) -> Int {
      let differences = zip(ends, ends.dropFirst()).map { $1[column] - $0[column] }.sorted()
      return differences[differences.count / 2]
    }
    return Epoch(steps: steps / epochs, allocations: median(0), locks: median(1))
  }

  private static func recipe(
    _ data: String, _ model: String, epochs: Int, loss: String = "mse", outputs: String = "1"
  ) -> String {
    """
    name: counted
    seed: 7
    data: {format: csv, path: wave.csv, features: [a], targets: [y], \(data)}
    model: {hidden_size: 6, \(model), head: [{linear: \(outputs)}]}
    loss: \(loss)
    optimizer: {name: adam, lr: 0.001}
    train: {epochs: \(epochs), clip_norm: 1}
    """
  }

  private static let windows = recipe(
    "window: 4, horizon: 1, split: {train: 1500, test: rest}", "cell: lstm, readout: last_step", epochs: 6)
  private static let lengths = recipe(
    "group: g, split: {train: 380, test: rest}",
    "cell: gru, num_layers: 2, bidirectional: true, dropout: 0.1, readout: final_state", epochs: 6)

  private static let uncertain = recipe(
    "window: 4, horizon: 1, gaps: mask, weight: g, split: {train: 1500, test: rest}",
    "cell: lstm, readout: last_step", epochs: 6, loss: "{name: quantile, levels: [0.1, 0.9]}",
    outputs: "targets")

  private static let categories = recipe(
    "window: 4, horizon: 1, categorical: [g], split: {train: 1500, test: rest}",
    "cell: lstm, readout: last_step, category_dropout: 0.1", epochs: 6)

  @Test(arguments: [(windows, 1), (lengths, 1), (windows, 2), (lengths, 2), (uncertain, 1), (categories, 1)])
  func stepsAllocateNothingAndTakeNoLock(recipe: String, ranks: Int) throws {
    if ranks > 1, mpirun == nil { return }
    let (few, many) = (
      try train(recipe, ranks: ranks, batch: 10), try train(recipe, ranks: ranks, batch: 5)
    )
    #expect(many.steps - few.steps > 30)
    // A number in the log's line may be one digit longer and no longer fit in place.
    #expect(abs(many.allocations - few.allocations) <= 6, "\(few) \(many)")
    #expect(many.locks == few.locks, "\(few) \(many)")
  }
}

private let compiler = find("cc") ?? find("clang")
#if os(Linux)
  private let canCount = compiler != nil
#else
  private let canCount = false
#endif
