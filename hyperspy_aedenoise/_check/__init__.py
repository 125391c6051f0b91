"""What a denoising left in the residual, and what it could not have seen."""
