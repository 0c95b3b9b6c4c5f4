/// What a row of outputs adds to a loss of classes that is computed with the layer it comes from.
package struct ClassLoss {
  private let terms: CrossEntropy.RowTerms
  /// Whether its target has the largest output.
  package let isRight: Bool

  init(terms: CrossEntropy.RowTerms, isRight: Bool) { (self.terms, self.isRight) = (terms, isRight) }

  /// How much its target counts; 0 where nobody knows it.
  package var weight: Double { terms.rowWeight }

  package func add(to total: inout Loss.Total) { terms.add(to: &total) }
}
