"""What comes of photographs: how well heads are fitted to them, and what textures they make."""
