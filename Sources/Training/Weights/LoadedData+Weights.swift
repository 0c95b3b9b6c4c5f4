import Dataset
import Diagnostics

extension LoadedData {
  /// What stands for other things here than in the data of a checkpoint whose weights are taken: rows of a table of vectors, and
  /// outputs, go by number.
  func differences(from state: CheckpointState) -> [String] {
    func list<Value: Decodable>(_ key: String, as type: Value.Type) -> Value? {
      state.extra[key].flatMap { try? $0.decode(as: type, in: key) }
    }
    let words = list("vocabulary", as: [String].self) ?? []
    let categories = list("categories", as: [[String]].self) ?? []
    let classes = state.classNames ?? []
    func differ(_ a: [String], _ b: [String]) -> Bool {
      !a.isEmpty && !b.isEmpty && !a.elementsEqual(b) { $0.hasSameBytes(as: $1) }
    }
    var lines: [String] = []
    if differ(words, vocabulary) {
      lines.append("its vocabulary is not that of these data: rows of its embedding stand for other tokens")
    }
    if zip(categories, categoryNames).contains(where: differ) {
      lines.append("its categories are not those of these data: rows of their vectors stand for others")
    }
    if differ(classes, classNames) {
      lines.append("its classes are not those of these data: its outputs stand for others")
    }
    return lines
  }
}
