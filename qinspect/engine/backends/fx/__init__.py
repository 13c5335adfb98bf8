"""torch.ao's FX graph mode: table, lowering, kernels, export."""
