import Foundation
import TestSupport
import Testing
import Training

/// What users do with a checkpoint in Python: the `safetensors` package and `load_state_dict`.
@Suite(.tags(.fast)) struct CheckpointPythonTests {
  /// Python with torch and safetensors: from the environment, or a virtual environment beside the repository.
  static let python: String? = {
    let beside =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../../venv/bin/python"
    return [ProcessInfo.processInfo.environment["RECUR_PYTHON"], beside, "/usr/bin/python3"].compactMap { $0 }
      .first {
        run($0, "import torch, safetensors.torch").status == 0
      }
  }()

  private static func run(_ python: String, _ program: String) -> (status: Int32, output: String) {
    guard FileManager.default.isExecutableFile(atPath: python) else { return (-1, "") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", program]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    guard (try? process.run()) != nil else { return (-1, "") }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(.enabled(if: python != nil, "needs Python with torch and safetensors; name it in RECUR_PYTHON"))
  func torchLoadsIt() throws {
    let scratch = Scratch()
    let tensors = SampleTensors()
    tensors.add("rnn.weight_ih_l0", [12, 4], 1)
    tensors.add("rnn.weight_hh_l0", [12, 3], 2)
    tensors.add("rnn.bias_ih_l0", [12], 3)
    tensors.add("rnn.bias_hh_l0", [12], 4)
    tensors.add("fc.weight", [2, 3], 5)
    tensors.add("fc.bias", [2], 6)
    for tensor in tensors.tensors { tensors.add("optimizer.exp_avg.\(tensor.name)", tensor.shape, 7) }
    try CheckpointFile.write(sampleState(step: 9), tensors.tensors, to: scratch("a.safetensors"))
    let (status, output) = Self.run(
      Self.python!,
      """
      import json, torch, safetensors.torch
      tensors = safetensors.torch.load_file("\(scratch("a.safetensors"))")
      class Net(torch.nn.Module):
        def __init__(self):
          super().__init__()
          self.rnn, self.fc = torch.nn.LSTM(4, 3), torch.nn.Linear(3, 2)
      net = Net()
      net.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("optimizer.")})
      assert sum(k.startswith("optimizer.") for k in tensors) == 6
      for scale, (name, value) in enumerate(net.state_dict().items(), 1):
        expected = scale * torch.arange(1, value.numel() + 1, dtype=torch.float32) / 7
        assert torch.equal(value.flatten(), expected), name
      with safetensors.safe_open("\(scratch("a.safetensors"))", "pt") as file:
        state = json.loads(file.metadata()["recur"])
      assert (state["step"], state["seed"], state["recipe"]) == (9, 2**64 - 1, "name: test\\n"), state
      print("good")
      """)
    #expect(status == 0 && output.hasSuffix("good\n"), "\(output)")
  }
}
