"""How replies ended, which model gave them, and which part of them was thinking."""
