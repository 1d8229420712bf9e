"""Drawing answers: a picture per image with its boxes, one sheet of all, and saving them."""
