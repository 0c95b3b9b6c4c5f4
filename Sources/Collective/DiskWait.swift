import Files

/// Whether this process waits for a disk: a call of the file system is under way that was under way at the look before, or the system
/// says so of one of its threads (Linux' state D), as where a page of a mapped file is fetched.
struct DiskWait {
  private var last = FileCalls.CallCount()

  /// One look.
  var isOn: Bool {
    mutating get {
      let now = FileCalls.count
      defer { last = now }
      return now.underWay > 0 && (now.done != last.done || last.underWay > 0) || JobProcesses.isOwnAtDisk
    }
  }
}
