import Batches

/// Loss and last layer together, where the outputs are many: they are never there all at once, nor is their gradient.
extension Model {
  /// Whether this model computes its last layer together with this loss. It depends on nothing that a rank has of its own.
  package func joins(_ loss: Loss) -> Bool { loss.takesClasses && head.joinsLoss && steps == nil }

  /// As `forward`, of a training step, but for the last layer, which `backward(_:targets:)` computes with the loss.
  package func forwardBelowLoss(_ batch: Batch, mode: Mode, states: StreamStates? = nil) {
    precondition(head.joinsLoss, "this network's outputs are few")
    head.leavesLast = true
    defer { head.leavesLast = false }
    _ = forward(batch, mode: mode, states: states)
  }

  /// What the last forward would have given if it had not left out the last layer.
  package func outputsOfLast() -> UnsafeMutableBufferPointer<Float> {
    guard let last else { preconditionFailure("there was no forward") }
    return head.forwardLast(last)
  }

  /// After `forwardBelowLoss`: the loss of the batch, and its gradients as `backward(_:)` adds them.
  /// - target: another buffer in layout order that gets them.
  /// - add: is told what each row of outputs adds to the loss, in their order.
  package func backward(
    _ loss: Loss, _ targets: Loss.Targets, into target: UnsafeMutableBufferPointer<Float>? = nil,
    add: (ClassLoss) -> Void
  ) {
    let gradients = target ?? gradients
    precondition(gradients.count == layout.count, "gradients have the layout of the parameters")
    backward(loss, targets, .all(gradients.baseAddress!)) { _, row in add(row) }
  }

  /// The same lane by lane, as `backward(_:lanes:)`.
  /// - add: is also told the lane, by its place among these.
  package func backward(
    _ loss: Loss, _ targets: Loss.Targets, lanes: Lanes, add: (_ lane: Int, ClassLoss) -> Void
  ) {
    precondition(cutsLanes, "this network's batches can't be cut into lanes")
    backward(loss, targets, .lanes(lanes), add: add)
  }

  private func backward(
    _ loss: Loss, _ targets: Loss.Targets, _ target: GradientTarget, add: (_ part: Int, ClassLoss) -> Void
  ) {
    backward(target) { dInput, rows, request in
      head.backward(loss, targets, dInput: dInput, rows, request, target, add: add)
    }
  }
}
