"""Reading and writing: checkpoints in the safetensors format, written so that no crash leaves half a file."""

from dlcore.io.checkpoint import load, load_metadata, save

__all__ = ["load", "load_metadata", "save"]
