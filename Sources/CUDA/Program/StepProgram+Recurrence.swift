extension StepProgram {
  /// A recurrent layer in all its directions, by a library.
  public struct Recurrence: Sendable, Hashable {
    public enum LibraryPass: String, Sendable {
      /// Keeps what backward needs.
      case training
      case inference
      case backward
    }
    public let pass: LibraryPass
    public let shape: RecurrentShape
    /// weight_ih, weight_hh, bias_ih, bias_hh of the first direction, then of the second.
    public let parameters: Region
    /// `[T, B, F]`
    public let input: Region
    /// `[T, B, D·H]`
    public let output: Region
    /// Of backward: the output's gradient, those of input and parameters, which are overwritten.
    public var dOutput, dInput, gradients: Region?
  }
}
