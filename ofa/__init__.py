"""The model that eats the shards: OFA in plain torch, its weights, its decoding, its image codes."""
