import Collective
import Dataset

extension Communicator {
  /// This group for `LoadedData`: its ranks read and hold large files together. nil for one process.
  package var loadingPeers: LoadingPeers? {
    guard size > 1 else { return nil }
    return LoadingPeers(rank: rank, hostName: hostName, allGather: allGather)
  }
}
