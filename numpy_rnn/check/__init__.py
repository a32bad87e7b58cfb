"""python -m numpy_rnn.check FILE: is the backward pass of a reader's own RNN right, and if not, why?

pairs       what a file may define: the functions, their arguments and results, and how their arrays lie
problems    the arrays that they are called with
worker      calls them, in a process of its own; runner starts that process and stops it
backward    the right backward pass, one method for each equation
variants    the known bugs: one of these methods written otherwise
causes      which bug gives the reader's results, or which pattern they show
judge       right or wrong, gradient by gradient
report      the text and the JSON
"""
