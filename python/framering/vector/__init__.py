"""Vector environments of Atari games whose frames are written directly into the frame ring."""
