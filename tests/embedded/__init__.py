"""How the embedded default model is made and measured."""
