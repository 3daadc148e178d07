"""Pages about units and sign-ins: one file per noun."""
