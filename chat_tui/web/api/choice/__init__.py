"""What a request chooses: its model, its tools and the settings of its conversation."""
