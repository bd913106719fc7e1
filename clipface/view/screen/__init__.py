"""What a tab sees: images from where its camera stands, small images to click, and what moves."""
