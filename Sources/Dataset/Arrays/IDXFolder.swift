import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Images with their labels: one half of a folder with the four standard files.
struct IDXPart {
  let files: [InputFile]
  let images: IDXFile
  /// nil where nobody knows them.
  let labels: IDXFile?

  /// Reads "train" or "t10k", or returns nil where the folder has neither images nor labels of that name.
  init?(_ name: String, _ specification: DataSpecification, _ group: LoadingGroup?) throws(Failure) {
    let folder = specification.path
    let images = try Self.find("\(name)-images", "idx3-ubyte", specification, group)
    let labels = try Self.find("\(name)-labels", "idx1-ubyte", specification, group)
    guard images != nil || labels != nil else { return nil }
    guard var images else { throw Self.missing("\(name)-images-idx3-ubyte", folder) }
    guard var labels else {
      guard specification.areTargetsOptional else {
        throw Self.missing("\(name)-labels-idx1-ubyte", folder)
      }
      try self.init(images: &images, group)
      return
    }
    let found = try IDXFile(&images, dimensions: 3, group)
    let known = try IDXFile(&labels, dimensions: 1, group)
    guard found.shape[0] == known.shape[0] else {
      throw labels.failure(
        "holds \(known.shape[0]) labels for the \(found.shape[0]) images of \(images.path)")
    }
    self.init(files: [images, labels], images: found, labels: known)
  }

  /// A file of images alone.
  init(_ specification: DataSpecification, _ group: LoadingGroup?) throws(Failure) {
    var file = try specification.open(specification.path, key: "data.path", group, unpacks: false)
    try self.init(images: &file, group)
  }

  private init(files: [InputFile], images: IDXFile, labels: IDXFile?) {
    (self.files, self.images, self.labels) = (files, images, labels)
  }

  private init(images file: inout InputFile, _ group: LoadingGroup?) throws(Failure) {
    let images = try IDXFile(&file, dimensions: 3, group)
    self.init(files: [file], images: images, labels: nil)
  }

  /// The file as it is called by its authors, with a dot before the ending, or either gzipped.
  private static func find(
    _ stem: String, _ ending: String, _ specification: DataSpecification, _ group: LoadingGroup?
  ) throws(Failure) -> InputFile? {
    guard let path = path(stem, ending, specification.path) else { return nil }
    return try specification.open(path, key: "data.path", group, unpacks: false)
  }

  private static func path(_ stem: String, _ ending: String, _ folder: String) -> String? {
    for name in ["\(stem)-\(ending)", "\(stem).\(ending)"] {
      for suffix in ["", ".gz"] where access("\(folder)/\(name)\(suffix)", F_OK) == 0 {
        return "\(folder)/\(name)\(suffix)"
      }
    }
    return nil
  }

  /// Throws where the images of a folder, which are held as bytes, are more than `data.memory`.
  static func requireRoom(_ specification: DataSpecification) throws(Failure) {
    guard let memory = specification.memory, specification.content == nil else { return }
    let images = ["train", "t10k"].compactMap { path("\($0)-images", "idx3-ubyte", specification.path) }
    let size = images.reduce(0) { $0 + (FileStamp($1)?.size ?? 0) }
    guard size > memory, let first = images.first else { return }
    throw .badData(
      "\(specification.path): its images take \(AvailableMemory.inWords(Double(size))), more than data.memory, \(AvailableMemory.inWords(Double(memory))); name the files one by one, data.path: \(first) with data.labels_path, and they stay where they are"
    )
  }

  static func missing(_ name: String, _ folder: String) -> Failure {
    .missingInput("\(folder): there is no \(name) or \(name).gz in this folder; check data.path")
  }
}
