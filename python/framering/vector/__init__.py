"""AtariVectorEnv: several games at once, whose frames go straight into the ring."""
