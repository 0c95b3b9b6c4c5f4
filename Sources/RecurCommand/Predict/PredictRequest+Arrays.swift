import Recur

/// Samples of numbers as files of the formats that have them.
extension PredictRequest {
  func array(_ steps: [[String]]) -> [UInt8] {
    let numbers = steps.joined().map { (Double($0) ?? .nan).bitPattern.littleEndian }
    let header =
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1, \(steps.count), \(steps[0].count)), }\n"
    let size = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(size & 255), UInt8(size >> 8)] + header.utf8
      + numbers.withUnsafeBytes { Array($0) }
  }

  /// An image of one byte a pixel, its rows as steps.
  func image(_ steps: [[String]]) throws -> [UInt8] {
    var bytes: [UInt8] = [0, 0, 8, 3]
    for size in [1, steps.count, steps[0].count] {
      bytes += (0..<4).map { UInt8(size >> (24 - 8 * $0) & 255) }
    }
    for (row, pixels) in steps.enumerated() {
      for (column, pixel) in pixels.enumerated() {
        guard let byte = Double(pixel).flatMap({ UInt8(exactly: $0) }) else {
          throw failure(
            "\"inputs\", step \(row + 1), value \(column + 1) must be a pixel, a whole number from 0 to 255, not \(quoted(pixel))"
          )
        }
        bytes.append(byte)
      }
    }
    return bytes
  }

  func series(_ steps: [[String]]) -> [UInt8] {
    let dimensions = steps[0].indices.map { column in steps.map { $0[column] }.joined(separator: ",") }
    return Array("@dimensions \(steps[0].count)\n@data\n\(dimensions.joined(separator: ":"))\n".utf8)
  }
}
