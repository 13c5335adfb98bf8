"""ONNX Runtime on the CPU: table, runner, its order of rounding, its profiles."""
