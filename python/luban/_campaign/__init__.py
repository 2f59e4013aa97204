"""The parts of a campaign: inputs, answers, runs to add, and the folder it is saved in."""
