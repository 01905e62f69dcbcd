"""What Ethelred costs, measured."""
