/// A run directory holds its recipe: `import Checkpoints` brings both.
@_exported import Recipes
