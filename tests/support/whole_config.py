"""A config file that sets every setting to something else than its default."""

_STRATEGY = """[strategies.{}]
good_answer_dollars = 7
good_answer_seconds = 8
min_success = 0.9
quality = 1
speed = 2
cost = 3
load = 4
fit = 5
learned = 6
"""
_NAMES = (
    *("quality-first", "cost-optimized", "speed-priority", "balanced"),
    *("round-robin", "least-loaded", "capability-match", "learned"),
)
_STRATEGIES = "\n".join(_STRATEGY.format(name) for name in _NAMES)

TOOLS = """[tool_use]
max_calls = 3
allow = ["files.read*"]
folders = ["~/notes"]
fetch_page = false

[[tools]]
name = "files"
command = "npx"
args = ["-y", "server"]
env = { KEY = "$FILES_KEY" }
"""
"""The settings of tools."""

WHOLE = (
    """
strategy = "speed-priority"
model = "box/llama"
theme = "dawn"
titles = "model"
titles_model = "box/small"
system_prompt = "Be brief."
fallback = false
fallbacks = ["box/small", "local/smollm2-135m"]
on_break = "continue"
max_price_per_answer = 0.5
daily_budget = 2
mouse = false
discovered = "use"
display = { insights = true, motion = false, typing_delay = 0.05, bell = false, links = false }

[request]
prompt_cache = false
max_tokens = 200
temperature = 0.7
top_p = 0.9
stop = ["END"]
seed = 7
thinking = "low"

[memory]
enabled = false
exchanges = 5

[performance]
enable_streaming = false
streaming_buffer_size = 4096
streaming_batch_size = 2
max_concurrent_streams = 9

[timeouts]
connection_seconds = 1
first_token_seconds = 2.5
working_seconds = 90
token_seconds = 3
stream_seconds = 40
profile = "strict"

[error_handling]
retry_attempts = 2
retry_delay_seconds = 0.5
exponential_backoff = false
max_tries = 4

"""
    + _STRATEGIES
    + """
[adaptive]
enabled = true
first_strategy = "cost-optimized"
first_max_tokens = 30
first_temperature = 0.1
second_strategy = "learned"
instruction = "At length."

[local]
weights = "~/model.gguf"
context_window = 4096
threads = 2
idle_minutes = 3

[web]
token = "secret"
hosts = ["chat.example.com"]
origins = ["https://chat.example.com"]
proxies = ["127.0.0.1"]
root_path = "/chat"
aliases = { "gpt-4o" = "fast" }
max_streams = 3
requests_per_minute = 60
unauthenticated_per_minute = 90
unauthenticated_connections = 50
max_body_bytes = 1000
access_log = false
reader_seconds = 30
stop_seconds = 1
orphan_seconds = 60

[keys]
"answer.cancel" = "ctrl+k"

[[providers]]
name = "box"
base_url = "http://127.0.0.1:8000/v1"
dialect = "openai"
api_key_env = "BOX_KEY"
models = ["llama", "small"]

[[models]]
name = "box/llama"
context_window = 8192
price_in = 0
price_out = 0.1
quality = 0.4
fallbacks = ["box/small"]

"""
    + TOOLS
)
