"""What costs do to a model: weights, resampling, and the learners that take them."""
