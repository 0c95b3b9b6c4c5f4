// One rank of the tests that need a real launcher: `mpirun -n 4 collective-check verify`.
import Collective
import CollectiveCases
import Diagnostics
import Glibc

do {
  let group = try Communicators.fromEnvironment()
  try Check(group).run(Array(CommandLine.arguments.dropFirst()))
} catch let failure as Failure {
  writeLine("collective-check: \(failure)")
  exit(failure.kind.rawValue)
}
