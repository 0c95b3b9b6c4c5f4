/// What an event file of TensorBoard holds: the few messages of event.proto and summary.proto that are written, each with its field
/// numbers (tensorboard/compat/proto).
package struct TensorBoardEvent {
  package enum Payload {
    /// The first of each file.
    case version
    /// Who reads on forgets what came before: these events begin anew.
    case start
    case value(tag: String, TensorBoardValue)
  }

  /// Seconds since 1970.
  package var time: Double
  package var step: Int
  package var content: Payload

  package init(time: Double, step: Int, _ content: Payload) {
    (self.time, self.step, self.content) = (time, step, content)
  }

  /// As a record of the file.
  package var record: [UInt8] { EventRecord.bytes(of: message.bytes) }

  private var message: ProtobufMessage {
    var event = ProtobufMessage()
    event.add(1, time)
    event.add(2, step)
    switch content {
    case .version: event.add(3, "brain.Event:2")
    case .start:
      var log = ProtobufMessage()
      log.add(1, 1)
      event.add(7, log)
    case .value(let tag, let value):
      var summary = ProtobufMessage()
      summary.add(1, value.message(tag))
      event.add(5, summary)
    }
    return event
  }
}

package enum TensorBoardValue {
  case scalar(Double)
  case histogram(TensorBoardHistogram)
  case png([UInt8], width: Int, height: Int)
  /// What a run was made with, for the table of hyperparameters: its name there, and values that are numbers, flags or words.
  case settings(name: String, start: Double, [(key: String, value: TensorBoardSetting)])
  /// That a run has ended well.
  case ended(time: Double)

  fileprivate func message(_ tag: String) -> ProtobufMessage {
    var value = ProtobufMessage()
    value.add(1, tag)
    switch self {
    case .scalar(let number): value.add(2, Float(number))
    case .histogram(let histogram): value.add(5, histogram.message)
    case .png(let bytes, let width, let height):
      var image = ProtobufMessage()
      image.add(1, height)
      image.add(2, width)
      // Red, green, blue.
      image.add(3, 3)
      image.add(4, bytes)
      value.add(4, image)
    case .settings(let name, let start, let settings):
      value.add(9, Self.metadata(field: 3, Self.start(name, start, settings)))
      value.add(8, Self.nothing)
    case .ended(let time):
      var end = ProtobufMessage()
      end.add(1, 1)
      end.add(2, time)
      value.add(9, Self.metadata(field: 4, end))
      value.add(8, Self.nothing)
    }
    return value
  }

  private static func start(
    _ name: String, _ start: Double, _ settings: [(key: String, value: TensorBoardSetting)]
  ) -> ProtobufMessage {
    var info = ProtobufMessage()
    for (key, setting) in settings {
      // A map is written as its pairs; a value is a google.protobuf.Value.
      var (entry, value) = (ProtobufMessage(), ProtobufMessage())
      switch setting {
      case .number(let number): value.add(2, number)
      case .word(let word): value.add(3, word)
      case .flag(let flag): value.add(4, flag)
      }
      entry.add(1, key)
      entry.add(2, value)
      info.add(1, entry)
    }
    info.add(4, name)
    info.add(5, start)
    return info
  }

  /// What belongs to the plugin for hyperparameters.
  private static func metadata(field: Int, _ content: ProtobufMessage) -> ProtobufMessage {
    var (data, plugin, metadata) = (ProtobufMessage(), ProtobufMessage(), ProtobufMessage())
    data.add(field, content)
    plugin.add(1, "hparams")
    plugin.add(2, data)
    metadata.add(1, plugin)
    return metadata
  }

  /// A tensor of no numbers, which the plugin's summaries carry: float, one axis of length 0.
  private static let nothing: ProtobufMessage = {
    var (tensor, shape) = (ProtobufMessage(), ProtobufMessage())
    tensor.add(1, 1)
    shape.add(2, ProtobufMessage())
    tensor.add(2, shape)
    return tensor
  }()
}

package enum TensorBoardSetting: Equatable {
  case number(Double)
  case word(String)
  case flag(Bool)

  package static let startTag = "_hparams_/session_start_info"
  package static let endTag = "_hparams_/session_end_info"
}
