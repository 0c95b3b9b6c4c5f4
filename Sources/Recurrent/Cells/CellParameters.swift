/// A parameter of one direction of a recurrent layer.
struct CellParameter {
  /// PyTorch's, to which layer and direction are added: `weight_ih` of `rnn.weight_ih_l0_reverse`.
  let name: String
  /// What follows these: `.weight` of a norm.
  var part = ""
  /// C order.
  let shape: [Int]
}

extension Network {
  /// The parameters of each direction of a layer, in the order of the flat buffer: PyTorch's, and what its modules don't have: peepholes,
  /// layer norm under the names of its `LayerNorm`, and learned initial states.
  func cellParameters(_ layer: Int) -> [CellParameter] {
    let (hidden, width) = (hiddenSize(of: layer), width(of: layer))
    let rows = cell.gateCount * hidden
    var parameters = [
      CellParameter(name: "weight_ih", shape: [rows, inputWidth(of: layer)]),
      CellParameter(name: "weight_hh", shape: [rows, width]),
    ]
    if bias, !layerNorm {
      parameters += ["bias_ih", "bias_hh"].map { CellParameter(name: $0, shape: [rows]) }
    }
    if let peepholes = CellDescription(self).peepholes {
      parameters.append(CellParameter(name: "peephole", shape: [peepholes.count * hidden]))
    }
    if projectionSize > 0 { parameters.append(CellParameter(name: "weight_hr", shape: [width, hidden])) }
    return parameters + normParameters(rows, hidden) + stateParameters(hidden, width)
  }

  private func normParameters(_ rows: Int, _ hidden: Int) -> [CellParameter] {
    guard layerNorm else { return [] }
    let norms = [("norm_ih", rows), ("norm_hh", rows)] + (cell.hasCellState ? [("norm_c", hidden)] : [])
    return norms.flatMap { name, width in
      (bias ? [".weight", ".bias"] : [".weight"]).map { CellParameter(name: name, part: $0, shape: [width]) }
    }
  }

  private func stateParameters(_ hidden: Int, _ width: Int) -> [CellParameter] {
    guard learnedInitialState else { return [] }
    let h0 = CellParameter(name: "h0", shape: [width])
    return cell.hasCellState ? [h0, CellParameter(name: "c0", shape: [hidden])] : [h0]
  }
}
