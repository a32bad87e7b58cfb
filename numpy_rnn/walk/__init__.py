"""A page to walk through: where does dL/dW_hh come from? python -m numpy_rnn.walk --out walk.html"""
