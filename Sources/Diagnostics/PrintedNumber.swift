#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension String {
  /// Numbers as C's `printf` writes them: `%.4g`, or `%02ld` for an `Int`. At most 400 characters.
  public init(printf format: String, _ numbers: any CVarArg...) {
    self = Self.printed(format, numbers)
  }

  private static func printed(_ format: String, _ numbers: [any CVarArg]) -> String {
    withVaList(numbers) { list in
      // A double has at most 309 digits before its point.
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 401) { text in
        let count = Int(vsnprintf(text.baseAddress!, text.count, format, list))
        precondition(0..<text.count ~= count, "\(format) gives more than 400 characters")
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
    }
  }
}
