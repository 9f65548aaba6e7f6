# Usage: make_llm.sh LLM FOLDER [thinking]
set -u
L="$1"; export LLM_USER_PATH=$2; rm -rf $2; mkdir -p $2; cd /tmp/recording
printf 'Roses are red.\n' > notes.txt
printf 'def upper(text: str) -> str:\n    "Upper case"\n    return text.upper()\n' > fn.py
$L -m echo 'What is a tree?' -s 'You are brief.'
$L -c 'And what is a forest? 漢字 too.'
$L -m echo 'Describe this picture' -a - < dot.png
$L -c 'What colour is it?' -a other.png
$L -m echo 'Sum this up' -f notes.txt --sf notes.txt
[ -n "${3:-}" ] && $L -m echo 'Think about it' -o thinking 1
$L -m echo --functions fn.py '{"prompt": "use the tool", "tool_calls": [{"name": "upper", "arguments": {"text": "abc"}}]}'
