"""ONNX files as models: read safely, traced to canonical layers, quantized ones taken apart."""
