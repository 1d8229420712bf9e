"""Small Qwen3-VL folders in plain NumPy: an answer in less time than importing torch takes."""
