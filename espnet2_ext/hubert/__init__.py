"""HuBERT models of our own: k-means targets, and the way into s3prl."""
