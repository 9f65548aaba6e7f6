"""What replies say of themselves: how they ended, which model gave them, what was thinking."""
