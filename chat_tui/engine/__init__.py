"""Everything a face asks for: questions, answers, conversations, estimates."""
