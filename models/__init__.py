"""ONNX model bundles: open, verify, run; and the exporter, the only part that needs torch."""
