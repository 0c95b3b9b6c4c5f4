import Batches
import Dataset
import Diagnostics
import Recipes
import Recurrent
import TestSupport
import Testing

func recipe(_ yaml: String = stock, _ overrides: String...) throws -> Recipe {
  try Recipe(yaml: yaml, path: "r.yaml", baseDirectory: "/home/me/recipes", overrides: overrides)
}

/// The message of the `Failure` that reading this recipe throws.
func message(_ yaml: String = stock, _ overrides: [String] = []) -> String {
  do {
    _ = try Recipe(yaml: yaml, path: "r.yaml", baseDirectory: "/", overrides: overrides)
    return "no error"
  } catch let failure as Failure {
    return failure.message
  } catch {
    return "not a Failure: \(error)"
  }
}

@Suite(.tags(.fast)) struct RecipeTests {
  @Test func readsEveryKeyOfTheStockRecipe() throws {
    let recipe = try recipe()
    #expect(recipe.name == "kospi-lstm")
    #expect(recipe.seed == 42)
    #expect(recipe.data.path == "/home/me/data/prices.csv")
    #expect(recipe.data.features == ["Open", "High", "Low", "Volume"])
    #expect(recipe.data.targets == ["Close"])
    #expect(recipe.data.scale == .minmax)
    #expect(recipe.data.fitScaleOn == .all)
    #expect(recipe.data.window == 5)
    #expect(recipe.data.horizon == 1)
    #expect(recipe.data.split == .init(train: .count(200), test: .rest))
    #expect(recipe.model.cell == .lstm)
    #expect(recipe.model.hiddenSize == 8)
    #expect(recipe.model.layers == 2)
    #expect(recipe.model.readout == .allSteps)
    #expect(recipe.model.head == [.linear(1), .sigmoid])
    #expect(recipe.loss == .mse)
    #expect(recipe.optimizer == OptimizerSpecification(.adam(), learningRate: 1e-3, weightDecay: 0))
    #expect(recipe.schedule == ScheduleSpecification(.constant))
    #expect(recipe.train.epochs == 301)
    #expect(recipe.train.batchSize == 20)
    #expect(recipe.train.shuffle)
    #expect(recipe.train.clipNorm == nil)
    #expect(recipe.checkpoint.everyEpochs == 50)
    #expect(recipe.checkpoint.metric == MetricName(.validation, .loss))
    #expect(recipe.earlyStopping == nil)
  }

  @Test(arguments: [
    [],
    ["model.head=[{linear: {size: 3, bias: false}}, relu, {dropout: 0.3}, {linear: 1}, tanh]"],
    ["model.cell=rnn", "model.nonlinearity=relu", "model.dropout=0.1", "model.bias=false"],
    ["loss={name: huber, delta: 0.3}", "optimizer={name: sgd, momentum: 0.9, nesterov: true}"],
    ["loss={name: cross_entropy, class_weights: [0.1, 2], label_smoothing: 0.1, ignore_index: -1}"],
    ["optimizer={name: adamw, betas: [0.8, 0.99]}", "schedule={name: cosine, t_max: 7, warmup_steps: 3}"],
    ["optimizer={name: rmsprop, momentum: 0.1}", "schedule={name: step, step_size: 4}"],
    ["schedule={name: plateau, metric: train.loss, cooldown: 2}", "early_stopping.patience=3"],
    ["data.split={train: 0.7, validation: 0.1, test: rest}", "data.delimiter=\";\""],
    ["data.features=['yes', 'a: b', '1', \"tab\\there\", \"é\\u2028\", '#x', 'null']", "data.label=null"],
    ["data={format: npy, path: x.npy, labels_path: y.npy}", "checkpoint.every_seconds=2.5"],
    ["model={cell: none, head: [{linear: 20}, relu, {linear: 1}]}", "seed=9223372036854775807"],
  ])
  func effectiveRecipeReadsBackEqual(overrides: [String]) throws {
    let recipe = try Recipe(yaml: stock, path: "r.yaml", baseDirectory: "/b", overrides: overrides)
    let text = recipe.effectiveYAML
    let again = try Recipe(yaml: text, path: "effective.yaml", baseDirectory: "/elsewhere")
    #expect(again == recipe)
    #expect(again.effectiveYAML == text)
  }

  @Test func presetsArePyTorchs() throws {
    let sgd = try recipe(stock, "optimizer=sgd").optimizer
    #expect(sgd == OptimizerSpecification(.sgd(), learningRate: 1e-3, weightDecay: 0))
    let adamW = try recipe(stock, "optimizer=adamw").optimizer
    #expect(adamW.weightDecay == 0.01 && adamW.learningRate == 1e-3)
    #expect(try recipe(stock, "optimizer=rmsprop").optimizer.learningRate == 0.01)
    #expect(try recipe(stock, "loss=cross_entropy").loss == .crossEntropy())
    #expect(try recipe(stock, "loss=huber").loss == .huber(delta: 1))
  }

  @Test func nameDefaultsToTheFile() throws {
    let yaml = stock.split(separator: "\n").dropFirst().joined(separator: "\n")
    #expect(try Recipe(yaml: yaml, path: "a/b/my.model.yaml", baseDirectory: "/").name == "my.model")
  }

  @Test func overridesReachIntoShorthandsListsAndMissingMaps() throws {
    let yaml = stock.replacing("{name: adam, lr: 1.0e-3}", with: "adam")
    #expect(try recipe(yaml, "optimizer.lr=0.5").optimizer.learningRate == 0.5)
    #expect(try recipe(stock, "model.head.0.linear=7").model.head == [.linear(7), .sigmoid])
    #expect(try recipe(stock, "early_stopping.patience=4").earlyStopping?.patience == 4)
    #expect(try recipe(stock, "train.epochs=5", "train.epochs=6").train.epochs == 6)
    #expect(try recipe(stock, "data.path=/abs/x.csv").data.path == "/abs/x.csv")
    #expect(try recipe(stock, "data.split.train=0.25").data.split.train == .fraction(0.25))
  }
}

@Suite(.tags(.fast)) struct RecipeNetworkTests {
  let shape = SampleShape(steps: 5, features: 4, target: .values(width: 1))

  @Test func takesSizesFromTheData() throws {
    let network = try recipe().network(for: shape)
    #expect(network.inputSize == 4 && network.steps == 5 && network.layers == 2 && network.hiddenSize == 8)
    #expect(network.readoutWidth == 40 && network.outputSize == 1)
  }

  @Test(arguments: [
    ("mse", 2), ("quantile", 6), ("{name: quantile, levels: [0.25, 0.5]}", 4), ("gaussian_nll", 4),
    ("student_t", 6), ("poisson", 2), ("negative_binomial", 4),
  ])
  func countsTheOutputsThatTargetsNeed(loss: String, outputs: Int) throws {
    let recipe = try recipe(stock, "model.head=[{linear: targets}, {dropout: 0.1}]", "loss=\(loss)")
    let shape = SampleShape(steps: 5, features: 4, target: .values(width: 2))
    #expect(try recipe.network(for: shape).outputSize == outputs)
    #expect(recipe.effectiveYAML.contains("linear: targets"))
    let again = try Recipe(yaml: recipe.effectiveYAML, path: "r.yaml", baseDirectory: "/")
    #expect(again == recipe && again.data.targetsAreCounts == recipe.loss.takesCounts)
  }

  @Test(arguments: [
    ("model.head=[{linear: 2}]", TargetKind.values(width: 1), "the data has 1 target columns"),
    ("loss=cross_entropy", .values(width: 1), "loss cross_entropy needs class labels"),
    ("loss=mae", .classes(count: 3), "loss mae needs numbers"),
    (
      "loss=quantile", .values(width: 2),
      "the data has 2 target columns and loss quantile needs 3 outputs for each, 6 in all, but the network has 1 outputs"
    ),
    ("loss=poisson", .values(width: 1), "end the head with a linear layer"),
    ("loss=cross_entropy", .classes(count: 3), "the data has 3 classes, but the network has 1 outputs"),
    ("loss={name: cross_entropy, class_weights: [1, 2]}", .classes(count: 1), "class_weights has 2 numbers"),
    ("model.readout=every_step", .values(width: 1), "needs a target for each time step"),
    ("model.hidden_size=1000000", .values(width: 1), "more than 2^36 parameters"),
  ])
  func refusesWhatDoesNotFit(override: String, target: TargetKind, words: String) throws {
    let recipe = try recipe(stock, override)
    let error = #expect(throws: Failure.self) {
      try recipe.network(for: SampleShape(steps: 5, features: 4, target: target))
    }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.kind == .badData)
  }
}
