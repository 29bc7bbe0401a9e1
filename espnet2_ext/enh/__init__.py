"""Speech enhancement: the SSL loss, the model around it, and its export."""
