// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let c: [CSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
  name: "recur",
  products: [
    .library(name: "Recur", targets: ["Recur"]),
    .executable(name: "recur", targets: ["RecurCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CMPI", exclude: ["README.md"], cSettings: c),
    .target(name: "CProcess", exclude: ["README.md"], cSettings: c),
    .target(name: "CMemory", exclude: ["README.md"], cSettings: c),
    .target(name: "CKernels", exclude: ["README.md"], cSettings: c),
    .target(name: "CBLAS", exclude: ["README.md"], cSettings: c),
    .target(name: "CVersion", exclude: ["README.md"], cSettings: c),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "Digests", dependencies: ["CCrypto"], exclude: ["README.md"], swiftSettings: swift),
    .target(name: "Diagnostics", exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Files", dependencies: ["CZlib", "Diagnostics"], exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Version", dependencies: ["CVersion", "Diagnostics", "Files"], exclude: ["README.md"],
      swiftSettings: swift),
    .target(name: "Batches", dependencies: ["Diagnostics"], exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Kernels", dependencies: ["CBLAS", "CKernels", "Diagnostics"],
      exclude: ["README.md"], swiftSettings: swift),
    .target(name: "CCUDA", exclude: ["README.md", "device"], cSettings: c),
    .target(
      name: "CUDA", dependencies: ["Batches", "CCUDA", "Recurrent", "Diagnostics", "Files"],
      exclude: ["README.md"],
      swiftSettings: swift),
    .target(
      name: "Recurrent", dependencies: ["Batches", "Kernels", "CKernels", "Diagnostics"],
      exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Collective", dependencies: ["CMPI", "CProcess", "Diagnostics", "Digests", "Files"],
      exclude: ["README.md"],
      swiftSettings: swift),
    .target(
      name: "Dataset",
      dependencies: ["Batches", "Diagnostics", "Digests", "Files"],
      exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Exchange", dependencies: ["Recurrent", "Dataset", "Diagnostics"], exclude: ["README.md"],
      swiftSettings: swift),
    .target(
      name: "Recipes",
      dependencies: ["Batches", "Recurrent", "Dataset", "Kernels", "Diagnostics", "Files", "CYAML"],
      exclude: ["README.md", "KEYS.md"], swiftSettings: swift),
    .target(
      name: "Checkpoints",
      dependencies: ["Dataset", "Recipes", "Kernels", "Diagnostics", "Digests", "Files"],
      exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Evaluation",
      dependencies: [
        "Batches", "Checkpoints", "Collective", "Dataset", "Diagnostics", "Exchange", "Files", "Kernels",
        "Recipes", "Recurrent",
      ], exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Training",
      dependencies: [
        "Batches", "Checkpoints", "CKernels", "Collective", "Dataset", "Diagnostics", "Digests", "Evaluation",
        "Exchange", "Files", "Kernels", "Recipes", "Recurrent", "Version",
      ], exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Devices",
      dependencies: [
        "Batches", "CCUDA", "Collective", "CUDA", "Dataset", "Diagnostics", "Files", "Recurrent", "Training",
      ], exclude: ["README.md"], swiftSettings: swift),
    .target(
      name: "Recur",
      dependencies: [
        "Batches", "Devices", "Training", "Recurrent", "Collective", "Dataset", "Kernels", "Diagnostics",
      ],
      exclude: ["README.md"], swiftSettings: swift),
    .executableTarget(
      name: "RecurCommand",
      dependencies: [
        "Recur", "Batches", "CMemory", "Collective", "CUDA", "Dataset", "Diagnostics", "Exchange", "Files",
        "Kernels", "Version",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["README.md", "Bench/README.md"], resources: [.embedInCode("Bench/Peers/peer.py")],
      swiftSettings: swift),

    .target(
      name: "TestSupport",
      dependencies: ["Batches", "Dataset", "Diagnostics", "Kernels", "Recurrent", "CZlib"],
      path: "Tests/TestSupport",
      swiftSettings: swift),
    .testTarget(
      name: "FilesTests", dependencies: ["Files", "Diagnostics", "TestSupport"], swiftSettings: swift),
    .testTarget(name: "VersionTests", dependencies: ["Version", "TestSupport"], swiftSettings: swift),
    .testTarget(
      name: "DiagnosticsTests", dependencies: ["Diagnostics", "TestSupport"], swiftSettings: swift),
    .testTarget(
      name: "BatchesTests", dependencies: ["Batches", "TestSupport"], swiftSettings: swift),
    .testTarget(
      name: "KernelsTests", dependencies: ["CBLAS", "Diagnostics", "Kernels", "CKernels", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "RecurrentTests",
      dependencies: ["Batches", "Diagnostics", "Recurrent", "Kernels", "TestSupport"],
      swiftSettings: swift),
    .target(
      name: "CollectiveCases", dependencies: ["Collective", "Diagnostics"], path: "Tests/CollectiveCases",
      swiftSettings: swift),
    .executableTarget(
      name: "collective-check", dependencies: ["Collective", "CollectiveCases", "Diagnostics"],
      path: "Tests/CollectiveCheck", swiftSettings: swift),
    .testTarget(
      name: "CollectiveTests",
      dependencies: [
        "Collective", "CollectiveCases", "Diagnostics", "Digests", "TestSupport", "collective-check",
      ],
      swiftSettings: swift),
    .testTarget(
      name: "DatasetTests", dependencies: ["Batches", "Dataset", "Diagnostics", "Files", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "ExchangeTests",
      dependencies: ["Batches", "Exchange", "Dataset", "Kernels", "Recurrent", "Diagnostics", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "RecipesTests",
      dependencies: ["Batches", "Recipes", "Recurrent", "Dataset", "Diagnostics", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Batches", "Training", "Recurrent", "Collective", "Dataset", "Devices", "Diagnostics", "Files",
        "Kernels",
        "TestSupport",
      ], swiftSettings: swift),
    .target(
      name: "CUDAShim", dependencies: ["CCUDA"], path: "Tests/CUDAShim",
      cxxSettings: [.treatAllWarnings(as: .error), .headerSearchPath(".")]),
    .testTarget(
      name: "CUDATests",
      dependencies: [
        "Batches", "CUDA", "CCUDA", "CUDAShim", "Collective", "Dataset", "Devices", "Diagnostics", "Files",
        "Recurrent", "TestSupport", "Training",
      ], exclude: ["Headers"], swiftSettings: swift),
    .executableTarget(
      name: "recur-fuzz",
      dependencies: [
        "Batches", "Training", "Recurrent", "Collective", "Dataset", "Diagnostics", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Tests/Fuzz", swiftSettings: swift),
    .testTarget(name: "FuzzTests", dependencies: ["recur-fuzz", "TestSupport"], swiftSettings: swift),
    .target(
      name: "Combinations",
      dependencies: [
        "Batches", "Training", "Recurrent", "Collective", "Dataset", "Diagnostics", "Digests", "TestSupport",
      ], path: "Tests/Combinations", swiftSettings: swift),
    .executableTarget(
      name: "recur-combinations",
      dependencies: [
        "Combinations", "TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Tests/CombinationsTool", swiftSettings: swift),
    .testTarget(
      name: "CombinationTests",
      dependencies: [
        "Combinations", "recur-combinations", "RecurCommand", "Diagnostics", "Training", "TestSupport",
      ],
      swiftSettings: swift),
    .target(
      name: "Simulation",
      dependencies: ["Training", "Collective", "Dataset", "Diagnostics", "Digests", "TestSupport"],
      path: "Tests/Simulation", swiftSettings: swift),
    .executableTarget(
      name: "recur-simulate",
      dependencies: [
        "Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Tests/SimulationTool", swiftSettings: swift),
    .testTarget(
      name: "SimulationTests", dependencies: ["Simulation", "recur-simulate", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "CommandTests", dependencies: ["Recur", "RecurCommand", "Recipes", "TestSupport"],
      swiftSettings: swift),
    .testTarget(name: "RecurTests", dependencies: ["Recur", "TestSupport"], swiftSettings: swift),
  ]
)
