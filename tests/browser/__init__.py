"""The product in a real browser, and its pages under the eyes of checkers."""
