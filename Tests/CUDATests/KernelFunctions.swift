/// The text of `KernelCalls.swift`.
///
/// Kernels that are alike but for the cell in front of their name are one function that is told the cell; the same for the pass
/// after it.
extension KernelDeclarations {
  private struct Function {
    /// Of the kernel, without cell and pass.
    var name: String
    var parameters: [Parameter]
    var hasCell = false
    var hasPass = false
  }

  private static let cells = ["gru", "lstm", "rnn"]
  private static let passes = ["backward", "forward"]

  var swift: String {
    Self.head + functions.map(text).joined(separator: "\n") + "}\n"
  }

  private var functions: [Function] {
    let plain = kernels.map { Function(name: $0.name, parameters: $0.parameters) }
    let ofCells = joined(plain, Self.cells.map { "\($0)_" }, isPrefix: true) { $0.hasCell = true }
    return joined(ofCells, Self.passes.map { "_\($0)" }, isPrefix: false) { $0.hasPass = true }
  }

  /// Makes one of functions whose names differ by these words alone, where there is one for each word and all are called alike.
  private func joined(
    _ functions: [Function], _ words: [String], isPrefix: Bool, _ mark: (inout Function) -> Void
  ) -> [Function] {
    func root(_ function: Function) -> String? {
      for word in words {
        if isPrefix, function.name.hasPrefix(word) { return String(function.name.dropFirst(word.count)) }
        if !isPrefix, function.name.hasSuffix(word) { return String(function.name.dropLast(word.count)) }
      }
      return nil
    }
    var done: Set<String> = []
    return functions.compactMap { function in
      guard let root = root(function) else { return function }
      let alike = words.compactMap { word in
        functions.first { $0.name == (isPrefix ? word + root : root + word) }
      }.filter { $0.parameters == function.parameters && $0.hasCell == function.hasCell }
      guard alike.count == words.count else { return function }
      guard done.insert(root).inserted else { return nil }
      var one = function
      one.name = root
      mark(&one)
      return one
    }
  }

  private func text(_ f: Function) -> String {
    let selectors = (f.hasCell ? ["_ cell: KernelCell"] : []) + (f.hasPass ? ["_ pass: Pass"] : [])
    let name = (f.hasCell ? #"\(cell)_"# : "") + f.name + (f.hasPass ? #"_\(pass)"# : "")
    let parameters = f.parameters.map { "\(Parameter.swiftName($0.name)): \($0.swift!.type)" }
    return """
        static func \(Parameter.swiftName(f.name))(
      \(lines(selectors + parameters, indent: 4))
        ) -> Self {
          Self(
            "\(name)",
            [
      \(lines(f.parameters.map { $0.swift!.argument }, indent: 8))
            ])
        }

      """
  }

  /// Items with commas between them, in lines of 100 characters.
  private func lines(_ items: [String], indent: Int) -> String {
    var lines = [String(repeating: " ", count: indent)]
    for (index, item) in items.enumerated() {
      let text = item + (index < items.count - 1 ? ", " : "")
      if lines[lines.count - 1].count + text.count > 101, lines[lines.count - 1].count > indent {
        lines.append(String(repeating: " ", count: indent))
      }
      lines[lines.count - 1] += text
    }
    return lines.map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  private static let head = """
    // swift-format-ignore-file
    // Written by `KernelCallTests` from the kernels' declarations in CCUDA/device, and compared with them. After a change there:
    //   RECUR_WRITE_KERNELS=1 swift test --filter KernelCallTests
    import CCUDA

    extension StepProgram {
      /// A kernel and what it is called with. Only the functions below make one: names, number, order and types are the header's.
      public struct Call: Sendable, Equatable {
        public let kernel: String
        public let arguments: [Argument]

        fileprivate init(_ kernel: String, _ arguments: [Argument]) {
          (self.kernel, self.arguments) = (kernel, arguments)
        }
      }
    }

    extension StepProgram.Call {
      typealias Region = StepProgram.Region
      enum KernelCell: String { case gru, lstm, rnn }
      enum Pass: String { case backward, forward }

      /// A struct in words of eight bytes, the last filled with zeros.
      private static func words<Value: BitwiseCopyable>(of value: Value) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (MemoryLayout<Value>.size + 7) / 8)
        words.withUnsafeMutableBytes { $0.storeBytes(of: value, as: Value.self) }
        return words
      }


    """
}
