import Diagnostics

extension TableRows {
  /// What the network reads of each row: features, what is the same in all rows of a series, what is known in advance, the calendar,
  /// and what was observed.
  /// - starts: where each series begins, and the end of the last.
  /// - mayBeUnknown: whether features may have gaps.
  /// - Returns: the columns, the first `scaled` of which are scaled.
  func inputs(_ data: DataSpecification, starts: [Int], mayBeUnknown: Bool) -> (
    table: JoinedTable, scaled: Int
  ) {
    let own = TableColumns(table: self, slots: roles.features + roles.statics, mayBeUnknown: mayBeUnknown)
    var parts: [any NumberTable] = [own]
    if !roles.known.isEmpty {
      let known = TableColumns(table: self, slots: roles.known, mayBeUnknown: true)
      let horizons = data.group == nil ? data.allHorizons : [0]
      parts.append(HorizonTable(base: known, horizons: horizons, starts: starts))
    }
    let scaled = parts.reduce(0) { $0 + $1.columns }
    if !data.calendar.isEmpty { parts.append(CalendarTable(times: times, fields: data.calendar)) }
    if data.gaps == .mask { parts.append(ObservedTable(base: own)) }
    return (JoinedTable(parts, rows: rows), scaled)
  }
}

extension SeriesTable {
  func requireDates(_ data: DataSpecification) throws(Failure) {
    guard !data.calendar.isEmpty, format?.isDate != true else { return }
    throw .badData(
      "\(rows.path): data.calendar needs dates, and the column \(quoted(data.time ?? "")) has whole numbers; remove data.calendar"
    )
  }
}
