import Recur

extension Recipe {
  func loadData() throws -> LoadedData { try LoadedData(data) }
}
