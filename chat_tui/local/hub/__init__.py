"""Models to download from Hugging Face."""
