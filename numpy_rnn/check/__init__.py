"""python -m numpy_rnn.check FILE: is the backward pass of a reader's own RNN, LSTM or GRU right, and if not, why?

pairs       what a file may define: the functions, their arguments and results, and how their arrays lie
template    a right file for each pair; the one to fill in, and the right lines, are made of it
problems    the arrays that the functions are called with
calls       calls them, and refuses what cannot be judged
worker      does so in a process of its own; runner starts that process and stops it
forward     the right states
backward    the right backward pass of the RNN and the network, one method for each equation; gated: of LSTM and GRU
variants    the known bugs: one of these methods written otherwise. Of the sums over the steps: variants_sums; of one
            cell: variants_rnn, variants_network, variants_lstm, variants_gru; of gates: variants_gates; of the ways
            back through LSTM and GRU: variants_paths; of truncation: variants_truncated
rules       for each pair the right rule and the known bugs
judge       right or wrong, gradient by gradient
causes      which known bug gives the reader's results; patterns: what they look like, if none does; suspects: the
            line that one step alone tells
report      the text and the JSON
"""
