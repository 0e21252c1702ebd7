"""Learning in two stages: the landmark branch alone, then all but the towers.

config                the paper's settings
sample, media         conversations about pictures, as the official files have them; what reads the pictures
example, batch        a sample as ids, labels, pixels and landmarks; some of them side by side
order                 which samples go together: by modality and length
learner               what of a Face-LLaVA learns in a stage, and its loss
study, run, state     the loop on Hugging Face Accelerate; what a killed run goes on from
export                a checkpoint of the official layout
pictures, priming     stage 0: towers that see faces, where there are none with weights
"""
