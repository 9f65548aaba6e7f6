"""The training of `chat_tui/routing/ranking/difficulty.bin`, which judges how hard a prompt is.

`python -m tests.training` fits the table anew, offline, from `public_rows.bin` and `own_prompts.txt`;
`python -m tests.training.public_rows FILE` makes `public_rows.bin`. `SOURCES.md` names where its rows come from.
"""
