"""Calibration of one's own camera: the motion of a focus motor from dots, and a rig of light-field and depth camera."""
