"""The battery: one module per area, each a specification with working examples."""
