"""What the APIs of other makers have in common: questions, tools, images, and how their answers are started."""
