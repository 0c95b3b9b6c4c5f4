/// How parameters follow their gradients, as far as a program depends on it; the numbers come with each step.
public enum UpdateRule: Sendable, Equatable {
  case adam
  case sgd(momentum: Bool)
  case rmsprop(momentum: Bool)
}
