/// Who evaluates has a checkpoint and its recipe: `import Evaluation` brings both.
@_exported import Checkpoints
