"""What devices there are: each kind is a seeded pure function from simulated time to what its sensors would read."""
