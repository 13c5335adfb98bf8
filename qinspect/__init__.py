"""qinspect: see what quantization does to a model, layer by layer, and repair it."""

__version__ = "0.1.0"
