"""torchao's PT2E: annotated node by node, compiled by inductor, its kernels counted in the generated code."""
