#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Starts a thread; join or detach it. Plain POSIX: the cooperative pool of Swift's tasks must not be blocked.
///
/// Its stack is 2 MiB, whatever `ulimit -s` says: a thread takes what that allows by default, which may be too little to run
/// on, or too much to be had.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(Failure) -> pthread_t {
  final class ThreadBody {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, 2 << 20)
  let work = Unmanaged.passRetained(ThreadBody(body))
  #if canImport(Darwin)
    var thread: pthread_t?
    let code = pthread_create(
      &thread, &attributes,
      {
        Unmanaged<ThreadBody>.fromOpaque($0).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
  #else
    var started = pthread_t()
    let code = pthread_create(
      &started, &attributes,
      {
        Unmanaged<ThreadBody>.fromOpaque($0!).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    let thread: pthread_t? = started
  #endif
  guard code == 0, let thread else {
    work.release()
    throw Failure(
      .unavailable,
      "can't start a thread: \(String(cString: strerror(code))); look at ulimit -u and ulimit -v")
  }
  return thread
}
