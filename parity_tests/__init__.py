"""Property-based tests that hold numpy_rnn to PyTorch's autograd, file by file."""
