#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes one line to standard error in one piece, so that lines of several ranks don't mix.
package func writeLine(_ line: String) {
  var line = line.shown + "\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
