"""ESPnet's tasks with our classes, and checks of their configurations."""
