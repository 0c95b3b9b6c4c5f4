import Foundation

/// The folder `launch/recipes`.
public let recipeFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../launch/recipes").standardizedFileURL

/// A recipe with most keys, whose lines the messages in tests name.
public let stock = """
  name: kospi-lstm
  seed: 42
  data:
    format: csv
    path: ../data/prices.csv
    features: [Open, High, Low, Volume]
    targets: [Close]
    scale: minmax
    fit_scale_on: all
    window: 5
    horizon: 1
    split: {train: 200, test: rest}
  model:
    cell: lstm
    nonlinearity: tanh
    hidden_size: 8
    num_layers: 2
    bidirectional: false
    dropout: 0.0
    readout: all_steps
    head: [{linear: 1}, sigmoid]
  loss: mse
  optimizer: {name: adam, lr: 1.0e-3}
  schedule: {name: constant}
  train: {epochs: 301, batch_size: 20, shuffle: true, clip_norm: null}
  checkpoint: {every_epochs: 50, keep_last: 3, keep_best: 1, metric: validation.loss}
  distributed: {coordinator: shared, reduction: fast, lanes: 8}
  """
