"""Classical methods: one file each, engine in the modules with a leading underscore."""
