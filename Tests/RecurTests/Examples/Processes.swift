// example begins: OverMPI.md
import Recur

/// The mean of a file's part on each process, added up over all of them.
func mean(of numbers: [Float], _ group: ProcessGroup) throws -> Double {
  let mine = stride(from: group.rank, to: numbers.count, by: group.size).map { Double(numbers[$0]) }
  var sums = [mine.reduce(0, +), Double(mine.count)]
  try group.allReduceSum(&sums)
  return sums[0] / sums[1]
}
// example ends
