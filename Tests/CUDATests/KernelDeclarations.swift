import Foundation

/// The kernels as their headers in CCUDA/device declare them, and Swift functions that call them with just these arguments.
///
/// The compiler's preprocessor gives each declaration in full; a pointer that may be null is marked `GPU_OPTIONAL` there.
struct KernelDeclarations {
  struct Parameter: Equatable {
    /// As in the header, and as Swift says it.
    let type, name: String
    let isOptional: Bool
  }

  struct Kernel: Equatable {
    let name: String
    let parameters: [Parameter]
  }

  let kernels: [Kernel]

  /// - texts: preprocessed sources.
  init(_ texts: [String]) throws {
    // A shape's launch bounds are in angle brackets of their own; a kernel's parameters have no parentheses.
    let declaration = #/__global__ void __launch_bounds__\([^)]*\) (\w+)\(([^)]*)\)/#
    kernels = try texts.flatMap { text in
      try text.matches(of: declaration).map { match in
        Kernel(
          name: String(match.1),
          parameters: try match.2.split(separator: ",").map { try Parameter(String($0)) })
      }
    }.sorted { $0.name < $1.name }
  }

  struct Unknown: Error, CustomStringConvertible {
    let description: String
  }
}

extension KernelDeclarations.Parameter {
  /// - text: `const float *_Nullable mask`.
  init(_ text: String) throws {
    let words = text.replacingOccurrences(of: "*", with: " * ").split(whereSeparator: \.isWhitespace)
      .map(String.init)
    name = words.last ?? ""
    isOptional = words.contains("_Nullable")
    let kept = words.dropLast().filter { !["const", "_Nullable", "__grid_constant__"].contains($0) }
    type = kept.joined(separator: " ")
    guard swift != nil else {
      throw KernelDeclarations.Unknown(description: "a kernel's parameter can't be \(text)")
    }
  }

  /// The type in Swift, and how its value becomes an argument; nil for a type that no kernel takes so far.
  var swift: (type: String, argument: String)? {
    let label = Self.swiftName(name)
    if type.hasSuffix(" *") { return ("Region" + (isOptional ? "?" : ""), ".region(\(label))") }
    return switch type {
    case "int": ("Int", ".int(Int32(\(label)))")
    case "long long": ("Int", ".long(Int64(\(label)))")
    case "unsigned": ("UInt32", ".unsigned(\(label))")
    case "unsigned long long": ("UInt64", ".unsignedLong(\(label))")
    case "float": ("Float", ".float(\(label))")
    case "fused_shape": ("fused_shape", ".structure(words(of: \(label)))")
    default: nil
    }
  }

  /// `bias_input` → `biasInput`.
  static func swiftName(_ name: String) -> String {
    let parts = name.split(separator: "_").map(String.init)
    return parts[0] + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}
