"""Import and export of conversations.

importer        reads a file and writes to the store in turn, in short transactions
ingest          the command that adds a part of an imported conversation
detection       recognises the format of a file, and reads its conversations
archive         ChatGPT's zip file
json_records    splits a file of JSON records, so that a bad or endless one affects only itself
formats/        our own JSON, ChatGPT, llm and elia
tree_builder    makes turns of the messages of other programs
records         imported conversations and turns, made safe to store and to show
exporting       exports a conversation
markdown        a conversation as Markdown
html_document   a conversation as one HTML file
"""
