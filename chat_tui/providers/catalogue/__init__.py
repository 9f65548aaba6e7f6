"""What is known of models: prices, quality, capabilities."""
