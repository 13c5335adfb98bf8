"""ONNX files: writing float and quantized models, and trying what was written."""
