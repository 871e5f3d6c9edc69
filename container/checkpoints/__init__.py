"""Weights files that are pickles → safetensors, read in a process of their own that runs nothing of them.

reader (starts the process), convert (is it), layouts (files of torch.save, plain pickles), pickles (the unpickler),
tensors and values (what it makes), state_dicts (which part of a checkpoint is taken), other_kinds (what a file is that
is none of these). The process imports neither torch nor the server.
"""
