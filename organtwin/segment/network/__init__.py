"""Networks that the user brings: an ONNX file, and beside it a JSON file that says what the network expects and answers."""
