import Foundation

/// How often a test repeats itself: a small number, or the one that an environment variable asks for.
func repetitions(_ variable: String, usually count: Int) -> Int {
  ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? count
}
