"""Learning in two stages: the landmark branch alone, then all but the towers.

config                       the paper's settings
sample                       conversations about pictures, as the official JSON has them
example, media               a sample as ids, labels, pixels and landmarks
batch, order                 examples side by side; which ones, by modality and length
learner                      what of a Face-LLaVA learns in a stage, and its loss
run, state, log              the loop on Hugging Face Accelerate; what a killed run begins again from
export                       a checkpoint of the official layout
"""
