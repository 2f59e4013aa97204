"""Private: what the main job judges itself by."""
