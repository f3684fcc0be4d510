"""Formulas of lenses: thin lens, blur, field of view, disparity."""
