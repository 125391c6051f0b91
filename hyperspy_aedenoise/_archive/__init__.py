"""The file of a trained autoencoder."""
