/// Who trains has a recipe: `import Training` brings both.
@_exported import Recipes
