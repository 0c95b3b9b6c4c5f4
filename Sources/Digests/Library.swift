import CCrypto

/// The system's libcrypto, set up once and before its first use.
public enum Library {
  /// Without the library's own handler of the process's end: a rank tells its launcher how it ended, under a code, in a handler
  /// that comes after it.
  private static let isReady: Bool =
    OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1

  /// Call it before anything else in the process can have set the library up.
  public static func prepare() {
    precondition(isReady, "libcrypto can't be set up")
  }
}
