"""TensorRT: QDQ placed by its rules, and checked by them."""
