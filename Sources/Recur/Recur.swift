/// The library's face: `import Recur` brings all a program needs to build, feed, train, save and load a model.
@_exported import Batches
@_exported import Collective
@_exported import Dataset
@_exported import Devices
@_exported import Diagnostics
@_exported import Recurrent
@_exported import Training

@_exported import struct Kernels.KernelSet
@_exported import struct Kernels.TorchGenerator
