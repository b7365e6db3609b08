"""What tests use in place of what they can't have: 1Password, the Image Factory, machines that run Talos, a chart."""
