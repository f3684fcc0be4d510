"""Refocusing of light fields: one file per way, reached by name through `core.light_field.REFOCUSERS`."""
