"""The file of a trained autoencoder, versioned: written, read, and read with suspicion.

It is a zip of a JSON record and plain arrays. `container` knows bytes, `schema` what
must be in them, `writing` and `reading` what they mean.
"""
