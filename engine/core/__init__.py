"""The pure core: no IO, clock, randomness or hidden state. Everything that decides runs `decide`."""
