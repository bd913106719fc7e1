"""What can be applied to a face: trained mappers, looks and words, and training in the background."""
