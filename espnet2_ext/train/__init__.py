"""What extends ``espnet2.train``."""
