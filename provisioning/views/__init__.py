"""Pages about who comes and goes by rule: one file per noun."""
