"""Everything around the service: servers for a laptop, images, monitoring, benchmarks."""
