/// Who trains evaluates, saves and has a recipe: `import Training` brings all of it.
@_exported import Evaluation
