"""The devices that come with dlcore, one folder each. Installed as `dlcore.backends`; loaded by `dlcore._device`."""
